"""Published studies of live ptychography as commands: simulated, run, evaluated and told."""
