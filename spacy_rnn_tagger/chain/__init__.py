"""Label paths: their lattice, sums over it, decoding and losses; arrays only."""
