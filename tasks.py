# SPDX-License-Identifier: MIT
"""Entry points: `./invoke --list` shows them, `./invoke TASK --help` explains one."""

from __future__ import annotations

from invoke import Collection, Context, task

from ground.terminal import report_errors

TIER = "kick (minutes), quick (about an hour on 2 cores) or full"
REHEARSE = "use synthetic measurements instead of machines (kept apart, marked as such)"


def _make_order(tier, jobs, cluster, only, shard="", replan=False):
    from artifact.reproduce import Order, parse_shard, parse_tier

    designs = tuple(name for name in only.split(",") if name)
    return Order(parse_tier(tier), designs, jobs, parse_shard(shard), cluster, replan)


@task(
    help={
        "tier": TIER,
        "jobs": "runs at once (0: two for each three cores, rounded up)",
        "shard": "do part i of N and stop, as in 2/5; all parts share one store",
        "cluster": "address of a Dask scheduler whose workers offer the resource vm",
        "only": "experiments, separated by commas (default: all)",
        "replan": "accept that the plan differs from the recorded one",
        "build": "build what is missing first (--no-build: use the last build as it is)",
        "rehearse": REHEARSE,
        "out": "folder for the run store and the results (default: out)",
        "json": "print the verdicts as JSON on stdout",
    }
)
@report_errors
def reproduce(
    _: Context,
    tier="quick",
    jobs=0,
    shard="",
    cluster="",
    only="",
    replan=False,
    build=True,
    rehearse=False,
    out="",
    json=False,
):
    """Build, run, judge, draw: ends with the verdict table and the path of the report.

    Example: ./invoke reproduce --tier kick
    Exit codes: 0 holds, 1 does not, 2 usage, 3 inconclusive, 4 infrastructure.
    """
    from artifact.cli import run_reproduce

    order = _make_order(tier, jobs, cluster, only, shard, replan)
    return run_reproduce(order, rehearse=rehearse, build=build, out=out, as_json=json)


REDRAW = {
    "tier": TIER,
    "rehearse": REHEARSE,
    "out": "folder of the run store and the results (default: out)",
    "json": "print the verdicts as JSON on stdout",
}


@task(help=REDRAW)
@report_errors
def figures(_: Context, tier="quick", rehearse=False, out="", json=False):
    """Judge stored results again; draw figures, tables and report, print the verdicts.

    Figures 2 to 5 are drawn from the last build's analysis.
    Example: ./invoke figures --tier full
    """
    from artifact.cli import run_redraw

    return run_redraw(tier, rehearse=rehearse, out=out, as_json=json)


@task(
    help={
        "tier": "full, quick or kick",
        "own": "the results of this machine (default: the committed ones)",
        "draft": "make a draft, marked as one, where values are missing or sentences disagree",
        "record": "make the numbers those that the next paper is compared with",
        "rehearse": "the synthetic results of a rehearsal; gives a draft at most",
        "out": "folder of the run store and the results (default: out)",
        "json": "print the numbers as JSON on stdout",
    }
)
@report_errors
def paper(_: Context, tier="full", own=False, draft=False, record=False, rehearse=False, out="",
          json=False):  # fmt: skip
    """Make the paper from stored results; refuses what they do not bear.

    Example: ./invoke paper --draft
    Exit codes: 0 the paper, 1 refused, 2 usage, 3 a draft.
    """
    from artifact.cli import choose_places, run_paper

    places = choose_places(rehearse=rehearse, out=out)
    return run_paper(tier, places, own=own or rehearse, draft=draft, record=record, as_json=json)


@task(
    help={
        "tier": TIER,
        "jobs": "runs at once (0: two for each three cores, rounded up)",
        "cluster": "address of a Dask scheduler",
        "only": "experiments, separated by commas (default: all)",
        "rehearse": REHEARSE,
        "json": "print the estimate as JSON on stdout",
    }
)
@report_errors
def estimate(_: Context, tier="quick", jobs=0, cluster="", only="", rehearse=False, json=False):
    """Say how long a tier will take here and how much disk it needs.

    Example: ./invoke estimate --tier full
    """
    from artifact.cli import run_estimate

    order = _make_order(tier, jobs, cluster, only)
    return run_estimate(order, rehearse=rehearse, as_json=json)


@task(
    help={
        "tier": TIER,
        "jobs": "runs at once (0: two for each three cores, rounded up)",
        "only": "experiments, separated by commas (default: all)",
        "write": "record the results as the reference instead of comparing",
        "repeat": "do every run twice on this machine and compare the two",
        "rehearse": REHEARSE,
    }
)
@report_errors
def verify(_: Context, tier="kick", jobs=0, only="", write=False, repeat=False, rehearse=False):
    """Compare results of this machine, byte for byte, with the committed reference digests.

    Example: ./invoke verify
    Exit codes: 0 all the same, 1 the same inputs gave other bytes, 3 built from other sources.
    """
    from artifact.cli import run_verify

    order = _make_order(tier, jobs, "", only)
    return run_verify(order, rehearse=rehearse, write=write, repeat=repeat)


@task(
    help={
        "tier": TIER,
        "write": "make the stored results the reference",
        "commit": "the commit that made them, if it is not the one that is checked out",
        "out": "folder with the run store and the results (default: out)",
    }
)
@report_errors
def reference(_: Context, tier="quick", write=False, commit="", out=""):
    """Compare stored results, runs and verdicts, with the committed reference; or write that.

    Example: ./invoke reference --tier quick
    Exit codes: 0 the same bytes, 1 the same sources gave other bytes, 3 other sources.
    """
    from artifact.cli import run_reference

    return run_reference(tier, write=write, out=out, commit=commit)


@task(name="check", help={"rehearse": REHEARSE})
@report_errors
def results_check(_: Context, rehearse=False):
    """Check every byte of the run store. Example: ./invoke results.check"""
    from artifact.cli import run_check

    return run_check(rehearse=rehearse)


@task(name="list", help={"tier": TIER, "rehearse": REHEARSE, "json": "print JSON on stdout"})
@report_errors
def results_list(_: Context, tier="quick", rehearse=False, json=False):
    """Show how each run of a tier ended. Example: ./invoke results.list --tier kick"""
    from artifact.cli import run_list

    return run_list(tier, rehearse=rehearse, as_json=json)


ARCHIVE = {"rehearse": REHEARSE, "out": "folder of the run store and the results (default: out)"}


@task(name="export", positional=["file"], help=ARCHIVE | {"file": "is written", "tier": TIER})
@report_errors
def results_export(_: Context, file, tier="quick", rehearse=False, out=""):
    """Put the plan and the stored runs of a tier into one file, for another machine.

    Example: ./invoke results.export full.tar.xz --tier full
    """
    from pathlib import Path

    from artifact.cli import run_export

    return run_export(Path(file), tier, rehearse=rehearse, out=out)


@task(name="import", positional=["file"], help=ARCHIVE | {"file": "what an export wrote"})
@report_errors
def results_import(_: Context, file, rehearse=False, out=""):
    """Take the runs of an export into the store; then figures and report need no machine.

    Example: ./invoke results.import full.tar.xz
    """
    from pathlib import Path

    from artifact.cli import run_import

    return run_import(Path(file), rehearse=rehearse, out=out)


@task(name="gc", help={"rehearse": REHEARSE})
@report_errors
def results_gc(_: Context, rehearse=False):
    """Remove results that no recorded plan refers to. Example: ./invoke results.gc"""
    from artifact.cli import run_gc

    return run_gc(rehearse=rehearse)


@task(
    name="disturb",
    help={
        "times": "how many sweeps are disturbed",
        "seed": "what is disturbed and when is drawn from it",
        "real": "disturb short runs of real machines instead of a rehearsal",
    },
)
@report_errors
def results_disturb(_: Context, times=100, seed=2006, real=False):
    """Kill processes, fill disks, damage entries at random points; compare the results.

    When it is stopped the same command goes on.
    Example: ./invoke results.disturb --times 100
    """
    from checks.cli import run_disturb

    return run_disturb(times, seed, real=real)


@task(
    help={
        "tier": "whose committed runs (default: the fullest tier that has some)",
        "archive": "file of an export (default: the one that is committed for the tier)",
        "rehearse": REHEARSE,
        "out": "folder for the run store and the results (default: out)",
        "json": "print the verdicts as JSON on stdout",
    }
)
@report_errors
def replay(_: Context, tier="", archive="", rehearse=False, out="", json=False):
    """Judge and draw stored runs without a machine, on any processor; expected beside got.

    Example: ./invoke replay --archive full.tar.xz
    Exit codes: 0 as expected, 1 a verdict is not, 2 usage, 3 nothing to compare with.
    """
    from artifact.cli import run_replay

    return run_replay(tier, file=archive, rehearse=rehearse, out=out, as_json=json)


@task(help={"tier": TIER, "out": "folder of the run store and the results (default: out)"})
@report_errors
def expect(_: Context, tier="quick", out=""):
    """Print expected verdicts beside those of the stored runs. Example: ./invoke expect

    Exit codes: 0 as expected, 1 a verdict is not, 3 nothing to compare with.
    """
    from artifact.cli import run_expect

    return run_expect(tier, out=out)


@task(help={"write": "write the pages instead of comparing them"})
@report_errors
def kit(_: Context, write=False):
    """Hold the generated pages (ae, docs) against their sources. Example: ./invoke kit --write

    Exit codes: 0 they agree, 1 they do not.
    """
    from artifact.cli import run_kit

    return run_kit(write=write)


@task(help={"write": "write the files instead of comparing them"})
@report_errors
def metadata(_: Context, write=False):
    """Hold .zenodo.json and codemeta.json against CITATION.cff. Example: ./invoke metadata --write

    Exit codes: 0 they agree, 1 they do not.
    """
    from artifact.cli import run_metadata

    return run_metadata(write=write)


@task
@report_errors
def lint(_: Context):
    """Check style, types, the rooms' import rules and licences. Example: ./invoke lint"""
    from checks.suite import run_lint

    return run_lint()


@task(
    help={
        "fast": "leave out builds and everything that boots machines",
        "select": "only tests that match this pytest expression",
    }
)
@report_errors
def test(_: Context, fast=False, select=""):
    """Run all checks and tests; builds what they need first. Example: ./invoke test --fast"""
    from checks.suite import run_tests

    return run_tests(fast=fast, select=select)


@task(
    help={
        "only": "build one stage (an unknown name lists them)",
        "update-lock": "take what the mirror has now and make it the lock",
        "json": "print stages and manifest as JSON on stdout",
    }
)
@report_errors
def build(_: Context, only="", update_lock=False, json=False):
    """Build QEMU, kernels, roots, images; write out/manifest.json. Example: ./invoke build

    What was built before is kept; a build that was stopped continues where it was.
    """
    from forge.entry import run_build

    run_build(only=only, update_lock=update_lock, as_json=json)


MEASURE = {
    "server": "nginx, lighttpd, apache",
    "load": "the load generator's flags, as in 'ab -c 100 -n 20000'",
    "geometry": "banias-1400, tualatin-1400, skylake-sp-2500, zen4-3700, or a path ending in .toml",
    "platform": "lcn2006, lcn2006-defaults, debian12, linux-6.12, or a path ending in .toml",
    "seed": "moves page placement, entropy, file order and link jitter",
    "keep": "directory that keeps the run's files",
}


@task(name="run", help=MEASURE | {"tlb": "count TLB misses too", "json": "print JSON on stdout"})
@report_errors
def testbed_run(
    _: Context,
    server="nginx",
    load="ab -c 100 -n 5000",
    geometry="banias-1400",
    platform="lcn2006",
    seed=1,
    keep="",
    tlb=False,
    json=False,
):
    """Measure one run in virtual time. Exit codes: 0 valid, 1 invalid, 4 infrastructure.

    Example: ./invoke testbed.run --server nginx --load 'ab -c 100 -n 20000' --seed 1
    """
    from testbed.cli import plan_experiment, run_command

    return run_command(plan_experiment(server, load, geometry, platform, seed, tlb=tlb), keep, json)


@task(name="profile", help=MEASURE | {"top": "rows of the table"})
@report_errors
def testbed_profile(
    _: Context,
    server="nginx",
    load="ab -c 1000 -n 5000",
    geometry="banias-1400",
    platform="lcn2006",
    seed=1,
    top=25,
    keep="",
):
    """Show which kernel functions miss L2; draw a flame graph (SVG).

    Example: ./invoke testbed.profile --server nginx --load 'ab -c 1000 -n 5000' --top 20
    """
    from testbed.cli import plan_experiment, profile_command

    return profile_command(
        plan_experiment(server, load, geometry, platform, seed, profile=True), top, keep
    )


@task(name="shell")
@report_errors
def testbed_shell(_: Context):
    """Boot both machines and connect this terminal to their consoles.

    Example: ./invoke testbed.shell
    """
    from testbed.cli import shell_command

    return shell_command()


@task(name="geometry", positional=["name"], help={"name": MEASURE["geometry"]})
@report_errors
def testbed_geometry(_: Context, name, json=False):
    """Show a geometry file, each number with its source, and check it.

    Example: ./invoke testbed.geometry banias-1400
    """
    from testbed.cli import geometry_command

    return geometry_command(name, json)


@task(name="platform", positional=["name"], help={"name": MEASURE["platform"]})
@report_errors
def testbed_platform(_: Context, name, json=False):
    """Show a platform file, each number with its source, and check it.

    Example: ./invoke testbed.platform lcn2006
    """
    from testbed.cli import platform_command

    return platform_command(name, json)


@task(
    help={
        "geometry": "caches of the model and of the plugin",
        "rounds": "how often each mode is timed; the modes take turns",
        "blocks": "timed blocks of each kind of work in one run",
        "json": "print the report as JSON on stdout",
    }
)
@report_errors
def bench(_: Context, geometry="banias-1400", rounds=5, blocks=3, json=False):
    """Time the emulator side by side with plain icount and QEMU's cache plugin.

    Example: ./invoke bench --rounds 3
    """
    from checks.speed.emulation import run_bench

    return run_bench(geometry, rounds, blocks, as_json=json)


@task(name="twice", help={"only": "one stage (default: all, QEMU and kernels too: minutes)"})
@report_errors
def build_twice(_: Context, only=""):
    """Build again in another folder, compare the digests. Example: ./invoke build.twice

    Exit codes: 0 identical, 1 not, 4 infrastructure.
    """
    from forge.entry import run_twice

    return run_twice(only=only)


@task(name="container")
@report_errors
def build_container(_: Context):
    """Compose the OCI image and load it into podman's store. Example: ./invoke build.container"""
    from forge.entry import run_container

    run_container()


@task(name="bundle", positional=["folder"], help={"folder": "is written; must be empty or absent"})
@report_errors
def build_bundle(_: Context, folder):
    """Write the offline bundle: sources with stored runs, image, provenance, digests.

    Example: ./invoke build.bundle out/bundle
    """
    from forge.entry import run_bundle

    run_bundle(folder)


@task(
    name="fuzz",
    help={
        "target": "parse",
        "runs": "inputs to try",
        "seed": "of libFuzzer's choices",
        "keep": "renew the committed corpus with what was found to reach more code",
    },
)
@report_errors
def tux_fuzz(_: Context, target="parse", runs=1_000_000, seed=1, keep=False):
    """Fuzz TUX's sources under ASan and UBSan, from the committed corpus on.

    Example: ./invoke tux.fuzz --runs 10000000
    Exit codes: 0 no finding, 1 a finding, 4 infrastructure.
    """
    from checks.fuzz import run_fuzz

    return run_fuzz(target, runs, seed, keep=keep)


@task(
    name="check",
    help={
        "select": "only tests that match this pytest expression",
        "parameters": "what else tux.ko is loaded with, such as policy=cohort",
        "variant": "a server of images/servers (an unknown name lists them), in guests alone",
    },
)
@report_errors
def tux_check(_: Context, select="", parameters="", variant="tux"):
    """Test TUX on a kernel with KASAN, UBSAN, lockdep and kmemleak, without memory, for long.

    Example: ./invoke tux.check --variant tux-stingy --select comparison
    Builds that kernel first (minutes); all of it takes about an hour on 2 cores.
    """
    from checks.suite import run_deep

    return run_deep(select=select, parameters=parameters, variant=variant)


@task(
    name="soak",
    help={
        "variant": "a server of images/servers (an unknown name lists them)",
        "minutes": "of this host",
        "checked": "on the kernel with KASAN, lockdep and the others (built first: minutes)",
        "seed": "of what the clients do",
    },
)
@report_errors
def tux_soak(_: Context, variant="tux", minutes=10.0, checked=False, seed=2006):
    """Load TUX with clients of every kind for long: what it takes must come back each round.

    A round is a minute of keep-alive, pipelines, resets, slow and silent clients, spikes, and a
    stop and start; then memory, caches and counters are compared with those of the first round.
    Example: ./invoke tux.soak --variant tux-stingy --minutes 60
    Exit codes: 0 all came back, 1 something did not, or a reply was wrong, 2 usage.
    """
    from checks.suite import run_soak

    return run_soak(variant=variant, minutes=minutes, checked=checked, seed=seed)


@task(name="tree", help={"out": "folder of the kernel's tree; it must not exist, or be empty"})
@report_errors
def tux_tree(_: Context, out):
    """Compile TUX in a copy of its kernel's tree, to try the three commands on it by hand.

    Example: ./invoke tux.tree --out out/linux
    """
    from forge.entry import run_tree

    run_tree(out)


@task(
    help={
        "only": "one server (an unknown name lists them)",
        "fresh": "analyse again what has not changed",
        "update-lock": "take the versions that the mirror has now, and write the lock",
    },
)
@report_errors
def gallery(_: Context, only="", fresh=False, update_lock=False):
    """Analyse and rewrite servers that people have, and write docs/gallery.md.

    Fetches their sources, builds them, runs memwalk, stingygen and stingify; goes on where it was
    interrupted.

    Example: ./invoke gallery --only redsocks
    Exit codes: 0 done, 1 a server could not be built.
    """
    from checks.gallery.command import run_gallery

    return run_gallery(only=only, fresh=fresh, update_lock=update_lock)


@task(
    name="accuracy",
    help={
        "only": "corpus, or one server (an unknown name lists them)",
        "speed": "time memwalk too (--no-speed: do not)",
        "json": "print JSON on stdout",
    },
)
@report_errors
def stingy_accuracy(_: Context, only="", speed=True, json=False):
    """Compare memwalk with ground truth: recall, precision, speed.

    Example: ./invoke stingy.accuracy --only cascade
    Exit codes: 0 all promises hold, 1 something is missed, or a server is imprecise.
    """
    from ground.paths import PROJECT
    from stingy.accuracy.command import run_accuracy
    from stingy.memwalk.passes import analyse

    return run_accuracy(PROJECT / "tests", analyse, only=only, speed=speed, as_json=json)


@task(
    name="memwalk",
    positional=["annotations"],
    help={
        "annotations": "the annotation file (TOML) of the server",
        "out": "folder for memwalk.json, memwalk.html, graph.svg",
        "root": "the sources, if not where the annotations say",
        "fresh": "analyse every file again, whatever is cached",
        "json": "print the result as JSON on stdout",
    },
)
def stingy_memwalk(_: Context, annotations, out, root="", fresh=False, json=False):
    """Find stages, objects, stacks and what is never live together (memwalk).

    Example: ./invoke stingy.memwalk examples/cascade/annotations.toml --out out/cascade
    Exit codes: 0 everything was analysed, 1 a file was refused, 2 usage.
    """
    from stingy.memwalk.command import main

    flags = [flag for flag, given in (("--fresh", fresh), ("--json", json)) if given]
    main([annotations, "--out", out, *(["--root", root] if root else []), *flags])


@task(
    name="generate",
    positional=["result"],
    help={
        "result": "memwalk.json",
        "out": "folder for map.json, map.svg, stingy.h, stingy.c",
        "geometry": MEASURE["geometry"],
        "target": "user or kernel",
        "debug": "red zones and poisoning",
        "json": "print map and proof as JSON on stdout",
    },
)
def stingy_generate(
    _: Context, result, out, geometry="banias-1400", target="user", debug=False, json=False
):
    """Lay a server's memory out in the L2, prove it, generate the allocator (stingygen).

    Example: ./invoke stingy.generate out/memwalk.json --out out/stingy
    Exit codes: 0 written and proven, 1 the proof fails, 2 usage.
    """
    from stingy.stingygen.command import main

    flags = [flag for flag, given in (("--debug", debug), ("--json", json)) if given]
    main([result, "--out", out, "--geometry", geometry, "--target", target, *flags])


@task(
    name="rewrite",
    positional=["annotations"],
    help={
        "annotations": "the server's annotation file",
        "result": "memwalk.json",
        "allocator": "what stingy.stingygen.generate wrote",
        "out": "folder for the rewritten copy, its diff and the report",
        "json": "print the report as JSON on stdout",
    },
)
def stingy_rewrite(_: Context, annotations, result, allocator, out, json=False):
    """Rewrite a copy of a server's sources to use its allocator (stingify).

    Example: ./invoke stingy.rewrite annotations.toml --result out/memwalk.json \\
        --allocator out/stingy --out out/rewritten
    Exit codes: 0 every object is rewritten, 1 some are refused, 2 usage.
    """
    from stingy.stingify.command import main

    flags = ["--json"] if json else []
    main([annotations, "--result", result, "--allocator", allocator, "--out", out, *flags])


@task(
    name="bench",
    positional=["map_file"],
    help={
        "map_file": "map.json of stingy.stingygen.generate",
        "live": "numbers of live requests, separated by commas",
        "rounds": "how often each allocator is timed; they take turns",
        "json": "print JSON on stdout",
    },
)
@report_errors
def stingy_bench(_: Context, map_file, live="1,50,1000", rounds=9, json=False):
    """Time Stingy's allocation and release against malloc's on this host.

    Example: ./invoke stingy.bench out/stingy/map.json
    """
    from stingy.stingygen.benchmark import run_benchmark

    return run_benchmark(map_file, live, rounds, as_json=json)


@task(name="list")
@report_errors
def labs_list(_: Context):
    """Show the teaching labs and what grading each takes. Example: ./invoke labs.list"""
    from labs.commands import run_list

    return run_list()


LAB = "name or number of a lab (labs.list shows them)"
SEED = "the student's own, for labs whose task differs from one student to the next"


@task(
    name="start",
    positional=["name", "folder"],
    help={
        "name": LAB,
        "folder": "is made; or an empty one",
        "seed": SEED,
        "secret": "of the course, where the task itself depends on it (lab evaluation)",
    },
)
@report_errors
def labs_start(_: Context, name, folder, seed=0, secret=""):
    """Copy a lab's hand-out: text, stubs, a check with the public tests.

    Example: ./invoke labs.start cache out/cache
    """
    from pathlib import Path

    from labs.commands import run_start

    return run_start(name, Path(folder), seed=seed, secret=secret)


@task(
    name="grade",
    positional=["name", "folder"],
    help={
        "name": LAB,
        "folder": "the submission",
        "format": "terminal, json, gradescope, autolab or junit",
        "secret": "of the course: hidden inputs derive from it (default: a published one)",
        "seed": SEED,
        "only": "tests whose name begins so, and their parents",
        "results": "write there, after each test, instead of to stdout",
    },
)
@report_errors
def labs_grade(_: Context, name, folder, format="terminal", secret="", seed=0, only="", results=""):
    """Grade a submission with public and hidden tests.

    Example: ./invoke labs.grade cache out/cache --format gradescope
    Exit codes: 0 all points, 1 not all, 2 usage, 4 the grader could not go on.
    """
    from pathlib import Path

    from labs.commands import run_grade

    return run_grade(
        name, Path(folder), form=format, secret=secret, seed=seed, only=only, results=results
    )


@task(
    name="pack",
    positional=["name"],
    help={
        "name": LAB,
        "platform": "gradescope, autolab or plain",
        "out": "the zip (default: NAME-PLATFORM.zip)",
        "secret": "of the course (default: one is made and printed)",
        "roster": "CSV of e-mail addresses and seeds, for labs with a seed for each student",
    },
)
@report_errors
def labs_pack(_: Context, name, platform="gradescope", out="", secret="", roster=""):
    """Pack a lab's grader for a platform, with its setup script; without the solution.

    Example: ./invoke labs.pack cache --platform gradescope --out out/cache.zip
    """
    from labs.commands import run_pack

    return run_pack(name, platform=platform, out=out, secret=secret, roster=roster)


@task(
    name="tryout",
    positional=["name", "folder"],
    help={
        "name": LAB,
        "folder": "the submission",
        "secret": "of the course, as for labs.grade (default: a published one)",
    },
)
@report_errors
def labs_tryout(_: Context, name, folder, secret=""):
    """Run a packed grader by Gradescope's rules in a fresh Debian root (as root; minutes).

    Example: ./invoke labs.tryout cache out/cache
    Exit codes: 0 its results.json is valid and the same as graded here, 1 it is not the same,
    2 usage, 4 it does not run or its results.json is not valid.
    """
    from pathlib import Path

    from labs.commands import run_tryout

    return run_tryout(name, Path(folder), secret=secret)


@task(
    name="data",
    help={
        "runs": "of the tier whose runs the labs shall have",
        "course": "measurement.json of a run with a spike, for lab 7",
    },
)
@report_errors
def labs_data(_: Context, runs="results/reference/full/runs.csv", course=""):
    """Make the tables and figures of labs 6 and 7 from stored runs.

    Example: ./invoke labs.data --runs results/reference/full/runs.csv
    """
    from pathlib import Path

    from labs.commands import run_data

    return run_data(Path(runs), Path(course) if course else None)


@task(
    name="drive",
    positional=["policy"],
    help={
        "policy": "the policy.c of lab 5",
        "keep": "where the runs' files go (default: out/labs/drive)",
        "seed": "moves pages and ports, for both runs alike",
    },
)
@report_errors
def labs_drive(_: Context, policy, keep="", seed=1):
    """Run lab 5's policy as TUX's scheduler in the testbed, and judge it (needs a build; minutes).

    Example: ./invoke labs.drive out/scheduler/policy.c
    Exit codes: 0 all points, 1 not all or the run is invalid, 2 usage, 4 infrastructure.
    """
    from pathlib import Path

    from labs.driving import run_drive

    return run_drive(Path(policy), keep=keep, seed=seed)


@task(
    name="selftest",
    help={
        "only": "one lab, by name or number (default: all)",
        "json": "print the table, and what is wrong, as JSON on stdout",
    },
)
@report_errors
def labs_selftest(_: Context, only="", json=False):
    """Grade the graders: solutions get all points, stubs few, mutants lose as named (minutes).

    Example: ./invoke labs.selftest --only cache
    Exit codes: 0 every grader is as it should be, 1 one is not, 2 usage, 4 infrastructure.
    """
    from labs.commands import run_selftest

    return run_selftest(only, as_json=json)


namespace = Collection(
    reproduce,
    figures,
    paper,
    estimate,
    verify,
    reference,
    replay,
    expect,
    kit,
    metadata,
    lint,
    test,
    bench,
    gallery,
)
namespace.add_collection(
    Collection(
        "results",
        results_check,
        results_list,
        results_export,
        results_import,
        results_gc,
        results_disturb,
    )
)
namespace.add_collection(
    Collection(
        "testbed",
        testbed_run,
        testbed_profile,
        testbed_shell,
        testbed_geometry,
        testbed_platform,
    )
)
namespace.add_collection(Collection("tux", tux_fuzz, tux_check, tux_soak, tux_tree))
namespace.add_collection(
    Collection(
        "stingy", stingy_memwalk, stingy_accuracy, stingy_generate, stingy_rewrite, stingy_bench
    )
)
namespace.add_collection(
    Collection(
        "labs",
        labs_list,
        labs_start,
        labs_grade,
        labs_pack,
        labs_tryout,
        labs_data,
        labs_drive,
        labs_selftest,
    )
)
building = Collection("build", build_twice, build_container, build_bundle)
building.add_task(build, name="all", default=True)
namespace.add_collection(building)
