"""The stage "learning": lessons and exposures in, versions of the model across all people out."""
