The `vos3000` command: check, migrate, reload, status, calls, hangup, import-rates, rate-test, route-test, cdr and push-replay (docs/cli.md).
