"""Where providers of texts post: `/gateways/<token>/receipts` and `/gateways/<token>/texts`."""
