"""What follows from an equation? Pure functions from a cell to what can be had from it."""
