"""One file for each kind of system; `registry` names them."""
