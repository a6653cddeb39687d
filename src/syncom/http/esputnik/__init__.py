"""eSputnik's HTTP API: the same paths, bodies, statuses and headers, on the services everything else uses."""
