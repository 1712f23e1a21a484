"""The coalition's hub: receive, verify, curate, release, withdraw."""
