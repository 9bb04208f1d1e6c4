"""How good a restored picture is, where a truth is known."""
