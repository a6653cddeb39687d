"""What DNS says about a sending domain: SPF, DKIM, DMARC, return path, tracking host, names of addresses."""
