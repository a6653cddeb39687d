"""Ready workflows, with their templates and segments: data, one file each."""
