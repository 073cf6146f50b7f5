"""Sources of static/outbox*.js and static/service-worker.js, and the check that they are what these sources make."""
