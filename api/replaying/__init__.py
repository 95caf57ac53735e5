"""Scripts over all that is stored, compared with the time before."""
