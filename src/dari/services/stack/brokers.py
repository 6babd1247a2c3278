"""Apache Kafka in KRaft mode, from the jars of Maven Central on Java 17: one broker, or three with a controller."""

from __future__ import annotations

import base64
import hashlib
import secrets
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from filelock import FileLock

from dari.services.stack.adapters.doors import kafka_answers, listens
from dari.services.stack.part import Part, Place, program

CONTROLLER: Final = "kafka-controller"
NODE: Final = 100
"""The controller's id where it is a process of its own."""
JAVA: Final = (
    "-Xms96m",
    "-Xmx320m",
    "-XX:+UseSerialGC",
    "-XX:MaxMetaspaceSize=160m",
    "-XX:ReservedCodeCacheSize=64m",
    "-XX:TieredStopAtLevel=1",
    "-Xss512k",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
COMMON: Final = """\
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENT:PLAINTEXT
controller.listener.names=CONTROLLER
num.partitions=3
auto.create.topics.enable=false
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.threads=1
log.segment.bytes=67108864
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
controlled.shutdown.enable=true
delete.topic.enable=true
"""


def jars(cache: Path) -> Path:
    """The folder of the jars of this pom; empty or absent when they were never fetched."""
    pom = resources.files("dari.services.stack").joinpath("files/kafka-pom.xml").read_bytes()
    return cache / f"kafka-{hashlib.sha256(pom).hexdigest()[:12]}"


def fetch(cache: Path) -> None:
    """Have Maven copy the jars; some seconds, once. Raises CalledProcessError with Maven's words in `stdout`."""
    into = jars(cache)
    if any(into.glob("kafka_2.13-*.jar")):
        return
    cache.mkdir(parents=True, exist_ok=True)
    # Parts start side by side, and stacks do: one of them fetches, the others wait for it.
    with FileLock(into.with_suffix(".lock")):
        if not any(into.glob("kafka_2.13-*.jar")):
            _fetch(into)


def _fetch(into: Path) -> None:
    half = into.with_suffix(".part")
    half.mkdir(exist_ok=True)
    half.joinpath("pom.xml").write_bytes(
        resources.files("dari.services.stack").joinpath("files/kafka-pom.xml").read_bytes()
    )
    sys.stderr.write("fetching Apache Kafka from Maven Central (about 55 MB, once)\n")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={half}"]
    command = [program("mvn") or "mvn", "-q", "-B", "-f", str(half / "pom.xml"), *goal]
    subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 — our own words
    half.rename(into)


def new_id() -> str:
    """A cluster or directory id as Kafka spells them: 16 random bytes."""
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")


def broker_names(count: int) -> tuple[str, ...]:
    """`kafka` alone, or `kafka-1` … beside a controller."""
    return ("kafka",) if count == 1 else tuple(f"kafka-{number}" for number in range(1, count + 1))


def _number(name: str) -> int:
    return NODE if name == CONTROLLER else int(name.partition("-")[2] or 1)


def properties(name: str, place: Place, count: int) -> str:
    """server.properties of one node. Clients may come by CLIENT (where a slow line may be put between) or PLAINTEXT."""
    number, controls, serves = _number(name), name in {CONTROLLER, "kafka"}, name != CONTROLLER
    quorum = place.ports["kafka-quorum"]
    roles = ",".join(role for role, has in (("broker", serves), ("controller", controls)) if has)
    listeners, told = [], []
    if serves:
        client = place.ports[f"{name}-client"]
        listeners += [f"PLAINTEXT://127.0.0.1:{place.port}", f"CLIENT://127.0.0.1:{client}"]
        shown = place.ports.get(f"{name}-line", client)
        told += [f"PLAINTEXT://127.0.0.1:{place.port}", f"CLIENT://127.0.0.1:{shown}"]
    if controls:
        listeners.append(f"CONTROLLER://127.0.0.1:{quorum}")
    copies, least = min(count, 3), min(2, count)
    lines = [
        f"process.roles={roles}",
        f"node.id={number}",
        f"controller.quorum.voters={1 if count == 1 else NODE}@127.0.0.1:{quorum}",
        f"listeners={','.join(listeners)}",
        f"log.dirs={place.folder / 'data'}",
        f"default.replication.factor={copies}",
        f"min.insync.replicas={least}",
        f"offsets.topic.replication.factor={copies}",
        f"transaction.state.log.replication.factor={copies}",
        f"transaction.state.log.min.isr={least}",
        f"share.coordinator.state.topic.replication.factor={copies}",
        f"share.coordinator.state.topic.min.isr={least}",
    ]
    if serves:
        lines += [f"advertised.listeners={','.join(told)}", "inter.broker.listener.name=PLAINTEXT"]
    return "\n".join(lines) + "\n" + COMMON


def kafka_parts(count: int, cache: Path) -> tuple[Part, ...]:
    """The nodes of a cluster of `count` brokers."""
    names = (*(() if count == 1 else (CONTROLLER,)), *broker_names(count))

    def made(name: str) -> Part:
        def prepare(place: Place) -> None:
            fetch(cache)
            place.folder.joinpath("server.properties").write_text(properties(name, place, count), "utf-8")
            data = place.folder / "data"
            if not (data / "meta.properties").exists():
                data.mkdir(exist_ok=True)
                meta = f"version=1\ncluster.id={place.facts['cluster']}\nnode.id={_number(name)}\n"
                (data / "meta.properties").write_text(meta + f"directory.id={new_id()}\n", "utf-8")

        def command(place: Place) -> Sequence[str]:
            classes = f"{jars(cache)}/*"
            settings = str(place.folder / "server.properties")
            return [program("java") or "java", *JAVA, "-cp", classes, "kafka.Kafka", settings]

        def well(place: Place) -> bool:
            return listens(place.ports["kafka-quorum"]) if name == CONTROLLER else kafka_answers(place.port)

        needs = ("java",) if any(jars(cache).glob("*.jar")) else ("java", "mvn")
        how = "apt-get install openjdk-17-jre-headless maven · brew install openjdk@17 maven"
        return Part(name=name, programs=needs, how=how, prepare=prepare, command=command, well=well)

    return tuple(made(name) for name in names)
