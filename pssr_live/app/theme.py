"""The look of the window: dark, because a microscope stands in a dark room."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtGui import QColor, QFont, QPalette
from qtpy.QtWidgets import QApplication, QWidget

BACK = "#0f1115"
PANEL = "#16191f"
RAISED = "#21262f"
EDGE = "#2c323d"
TEXT = "#e6e9ef"
DIM = "#8d96a5"
FAINT = "#5b6473"
ACCENT = "#4da3ff"
GREEN = "#45cf8e"
AMBER = "#ffb03b"
RED = "#ff5a4f"

CHEVRON = Path(__file__).with_name("chevron.png").as_posix()
FAMILIES = ["Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "Cantarell", "DejaVu Sans"]

SHEET = f"""
* {{ color: {TEXT}; }}
QMainWindow, QDialog {{ background: {BACK}; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {EDGE};
            padding: 6px; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: 0; }}
#panel {{ background: {PANEL}; border-left: 1px solid {EDGE}; }}
#strip {{ background: {PANEL}; border-top: 1px solid {EDGE}; }}
#displays {{ background: {PANEL}; border-top: 1px solid {EDGE}; }}
#heading {{ color: {DIM}; font-size: 8pt; font-weight: 600; letter-spacing: 1px; }}
#dim, #caption {{ color: {DIM}; }}
#caption {{ font-size: 8pt; }}
#value {{ font-size: 10pt; }}
#big {{ font-size: 13pt; font-weight: 600; }}
#line {{ background: {EDGE}; max-height: 1px; min-height: 1px; border: 0; }}
QPushButton, QToolButton, QComboBox, QSpinBox, QDoubleSpinBox {{
    background: {RAISED}; border: 1px solid {EDGE}; border-radius: 5px;
    padding: 5px 10px; min-height: 18px; }}
QPushButton:hover, QToolButton:hover, QComboBox:hover {{ border-color: {FAINT}; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QSpinBox:focus,
QDoubleSpinBox:focus, QPlainTextEdit:focus, QListWidget:focus {{
    border-color: {ACCENT}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {EDGE}; }}
QPushButton:disabled, QToolButton:disabled, QComboBox:disabled, QSpinBox:disabled,
QDoubleSpinBox:disabled {{ color: {FAINT}; background: {PANEL}; }}
QPushButton:checked, QToolButton:checked {{ background: #1d3a5c;
    border-color: {ACCENT}; }}
QPushButton#primary {{ background: #1f5fa8; border-color: #2f75c4; font-weight: 600;
    padding: 9px 10px; }}
QPushButton#primary:hover {{ background: #256bbb; }}
QPushButton#primary:checked {{ background: #17395f; border-color: {ACCENT}; }}
QPushButton#primary:disabled, QPushButton#record:disabled {{ background: {PANEL};
    border-color: {EDGE}; color: {FAINT}; }}
QPushButton#record {{ font-weight: 600; padding: 9px 10px; color: {RED};
    border-color: #6b302d; }}
QPushButton#record:checked {{ background: #b3312a; color: white;
    border-color: {RED}; }}
QToolButton {{ padding: 4px 8px; }}
QComboBox::drop-down {{ border: 0; width: 20px; }}
QComboBox::down-arrow {{ image: url({CHEVRON}); width: 12px; height: 8px;
    margin-right: 10px; }}
QComboBox QAbstractItemView {{ background: {RAISED}; border: 1px solid {EDGE};
    selection-background-color: #1f5fa8; outline: 0; }}
QAbstractSpinBox QLineEdit {{ background: transparent; border: 0;
    padding: 0 0 0 6px; }}
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button,
QDoubleSpinBox::down-button {{ width: 0; border: 0; }}
QPlainTextEdit, QListWidget, QLineEdit {{ background: {BACK};
    border: 1px solid {EDGE}; border-radius: 5px; padding: 4px;
    selection-background-color: #1f5fa8; }}
QSlider {{ min-height: 20px; background: transparent; }}
QSlider::groove:horizontal {{ height: 4px; background: {EDGE}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {ACCENT}; border-radius: 2px; }}
QSlider::sub-page:horizontal:disabled {{ background: {FAINT}; }}
QSlider::handle:horizontal {{ width: 14px; height: 14px; margin: -5px 0;
    border-radius: 7px; background: {TEXT}; }}
QSlider::handle:horizontal:disabled {{ background: {FAINT}; }}
QSlider::handle:horizontal:focus {{ background: {ACCENT}; }}
QProgressBar {{ background: {EDGE}; border: 0; border-radius: 3px; max-height: 6px;
    min-height: 6px; }}
QProgressBar::chunk {{ background: {ACCENT}; border-radius: 3px; }}
QScrollBar:vertical {{ background: transparent; width: 8px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {EDGE}; border-radius: 4px;
    min-height: 24px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page,
QScrollBar::sub-page {{ background: transparent; height: 0; border: 0; }}
QListWidget::indicator {{ width: 12px; height: 12px; border: 1px solid {FAINT};
    border-radius: 3px; background: {PANEL}; margin-right: 6px; }}
QListWidget::indicator:checked {{ background: {ACCENT}; border-color: {ACCENT}; }}
QMenu {{ background: {RAISED}; border: 1px solid {EDGE}; padding: 4px; }}
QMenu::item {{ padding: 5px 18px; border-radius: 3px; }}
QMenu::item:selected {{ background: #1f5fa8; }}
"""


def dress(app: QApplication) -> None:
    """Give an application the dark look; once is enough."""
    app.setStyle("Fusion")
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, colour in (
        (roles.Window, BACK),
        (roles.Base, BACK),
        (roles.AlternateBase, PANEL),
        (roles.Button, RAISED),
        (roles.WindowText, TEXT),
        (roles.Text, TEXT),
        (roles.ButtonText, TEXT),
        (roles.PlaceholderText, FAINT),
        (roles.Highlight, ACCENT),
        (roles.ToolTipBase, RAISED),
        (roles.ToolTipText, TEXT),
    ):
        palette.setColor(role, QColor(colour))
    app.setPalette(palette)
    font = QFont()
    font.setFamilies(FAMILIES)
    font.setPointSizeF(9.5)
    app.setFont(font)
    app.setStyleSheet(SHEET)


def tint(widget: QWidget, colour: str) -> None:
    """Give a text a colour; the empty one is its own. Free where nothing changes."""
    style = f"color: {colour}" if colour else ""
    if widget.styleSheet() != style:  # Qt works the whole style out anew otherwise
        widget.setStyleSheet(style)
