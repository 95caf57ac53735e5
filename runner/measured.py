"""What a runner tells of itself."""

from postroom.metrics import Metric

CLAIMS = Metric("postroom_runner_claims_total", "counter", "Runs that were taken.")
RUNS = Metric("postroom_runner_runs_total", "counter", "Runs that ended here.", ("result",))
SECONDS = Metric(
    "postroom_runner_run_seconds", "histogram", "Seconds of a run that was carried to its end."
)
HELD = Metric("postroom_runner_busy", "gauge", "Runs and replays that are under way.")
ROOM = Metric("postroom_runner_workers", "gauge", "Runs that may be under way at the same time.")
ISOLATION = Metric("postroom_runner_isolation_info", "gauge",
                   "1 for the isolation that is in force.", ("isolation",))  # fmt: skip
METRICS = (CLAIMS, RUNS, SECONDS, HELD, ROOM, ISOLATION)
