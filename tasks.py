# SPDX-License-Identifier: MIT
"""Entry points: `./invoke --list` shows them, `./invoke TASK --help` explains one.

Each room has its tasks, with their flags and help, in a module `tasks`.
"""

from __future__ import annotations

from invoke import Collection

from artifact import tasks as artifact
from checks import tasks as checks
from forge import tasks as forge
from labs import tasks as labs
from stingy import tasks as stingy
from testbed import tasks as testbed

namespace = Collection(
    artifact.reproduce,
    artifact.figures,
    artifact.paper,
    artifact.estimate,
    artifact.verify,
    artifact.reference,
    artifact.replay,
    artifact.expect,
    artifact.kit,
    artifact.metadata,
    checks.lint,
    checks.test,
    checks.bench,
    checks.scaling,
    checks.gallery,
)
namespace.add_collection(
    Collection(
        "results",
        artifact.results_check,
        artifact.results_list,
        artifact.results_export,
        artifact.results_import,
        artifact.results_gc,
        checks.results_disturb,
    )
)
namespace.add_collection(
    Collection(
        "testbed",
        testbed.testbed_run,
        testbed.testbed_profile,
        testbed.testbed_shell,
        testbed.testbed_geometry,
        testbed.testbed_platform,
    )
)
namespace.add_collection(
    Collection("tux", checks.tux_fuzz, checks.tux_check, checks.tux_soak, forge.tux_tree)
)
namespace.add_collection(
    Collection(
        "stingy",
        stingy.stingy_memwalk,
        stingy.stingy_accuracy,
        stingy.stingy_generate,
        stingy.stingy_rewrite,
        stingy.stingy_bench,
    )
)
namespace.add_collection(
    Collection(
        "labs",
        labs.labs_list,
        labs.labs_start,
        labs.labs_grade,
        labs.labs_pack,
        labs.labs_tryout,
        labs.labs_data,
        labs.labs_drive,
        labs.labs_selftest,
    )
)
building = Collection("build", forge.build_twice, forge.build_container, forge.build_bundle)
building.add_task(forge.build, name="all", default=True)
namespace.add_collection(building)
