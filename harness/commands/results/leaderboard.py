"""The command `leaderboard`: arms ranked by what they keep of the return of full data."""

from __future__ import annotations

from harness.commands.terminal import OutputFile, ResultsFolders, collector_paused, show_table


@collector_paused()
def leaderboard(directories: ResultsFolders, file: OutputFile = None) -> None:
    """Rank the arms of results folders by retention, for each learner and size."""
    from harness.analysis.folders import read_folders
    from harness.analysis.leaderboard import rank_arms

    show_table(lambda: rank_arms(read_folders(directories)), file)
