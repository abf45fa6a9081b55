"""One file a scan or result file format; none of them loads torch."""
