"""How good a restored picture is, where a truth or a reference is known.

One file a metric; each names the paper it comes from and is checked against another
implementation or an analytic case. `comparison` and `report` put them together.
"""
