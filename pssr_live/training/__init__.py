"""From high-density images to a model folder.

films         stills and movies -> short clips of truth, set in motion
scans         clips -> what a coarse scan would have shown: the torch crappifier
network       the network itself
judging       how good it is, beside what needs no network; at home and abroad
learning      steps, checkpoints, progress
model_folder  ONNX, card, page and picture
recipe_file, preparation, run, smoke    what `pssr-live train` does, from top to bottom
shelf         the shipped models: what they learn from and are judged on
"""
