"""The commands, one file each: they parse, call the rooms below, and print."""

from __future__ import annotations

import typer

from pssr_live.commands.bench import bench
from pssr_live.commands.calibrate import calibrate
from pssr_live.commands.crappify import crappify
from pssr_live.commands.demo import demo
from pssr_live.commands.doctor import doctor
from pssr_live.commands.evaluate import evaluate
from pssr_live.commands.export import export
from pssr_live.commands.live import live
from pssr_live.commands.models import models
from pssr_live.commands.profile import profile_app
from pssr_live.commands.recover import recover
from pssr_live.commands.restore import restore
from pssr_live.commands.run import run
from pssr_live.commands.train import train

app = typer.Typer(
    name="pssr-live",
    help="Scan 16 times fewer pixels and see the whole picture, live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for command in (
    *(demo, live, run, restore, recover, crappify, calibrate),
    *(train, export, evaluate, models, bench, doctor),
):
    app.command()(command)
app.add_typer(profile_app, name="profile")
