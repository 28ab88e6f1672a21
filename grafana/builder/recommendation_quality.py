"""How good recommendations are, what is learned of them, and what experiments say: rows of "Recommendations"."""

from collections.abc import Iterator

from grafana.builder.panels import Panel, rates

CHOSEN = 'experiment=~"${experiment}"'


def quality() -> Iterator[Panel]:
    """What people did with what they were recommended, and how varied it was."""
    yield from _followed("Click-through", "clicked", "clicks that no longer name their answer are a client's release")
    yield from _followed("Conversion", "bought", "a source that is clicked and not bought tempts with the wrong items")
    yield rates(
        "Places by source",
        "Share of the places in answers of an hour. One that falls to none has nothing to offer: its model or topic "
        "is away, or deploy/recommendations.yaml leaves it out.",
        [
            (
                "sum by (source) (increase(headrace_exposures_total[1h]))"
                " / on () group_left () (sum(increase(headrace_exposures_total[1h])) > 0)",
                "{{source}}",
            )
        ],
        "percentunit",
    )
    yield rates(
        "Seen",
        "Share of the places of an hour of which an impression came. Near none: the client sends no impressions, "
        "which learning then lacks.",
        [
            (
                "sum by (surface) (increase(headrace_seen_exposures_total[1h]))"
                " / (sum by (surface) (increase(headrace_exposures_total[1h])) > 0)",
                "{{surface}}",
            )
        ],
        "percentunit",
    )
    yield rates(
        "Coverage",
        "Share of the catalog in the last 1,000 answers. A fall: everybody gets the same; raise diversity or "
        "exploration in deploy/recommendations.yaml.",
        [("headrace_recommendation_coverage_ratio", "{{instance}}")],
        "percentunit",
    )
    yield rates(
        "Novelty",
        "Bits by which the items of the last 1,000 answers are unexpected: one more is half as popular. A fall goes "
        "with less coverage; a rise with less click-through means that odd items are shown.",
        [("headrace_recommendation_novelty_bits", "{{instance}}")],
    )
    yield rates(
        "Popularity bias",
        "Share of the places of the last 1,000 answers with an item of the most popular hundredth. Near 1: people see "
        "bestsellers only; see whether answers are degraded or cold.",
        [("headrace_recommendation_popular_ratio", "{{instance}}")],
        "percentunit",
    )


def _followed(title: str, what: str, hint: str) -> Iterator[Panel]:
    for level, of in (("arm", "arms of experiments"), ("source", "sources")):
        yield rates(
            f"{title} by {level}",
            f"Share of the places of an hour that were {what}, by {of}, once the window after the answer has closed. "
            f"Where all fall, {hint}; where one falls, look at what changed there. Of few places it is chance.",
            [(f"{level}:headrace_exposures_{what}:ratio1h", f"{{{{{level}}}}}")],
            "percentunit",
            12,
        )


def learning() -> Iterator[Panel]:
    """The online model and what exploration finds and costs."""
    yield rates(
        "Learned",
        "Lessons and exposures per second. None beside interactions: see the lag of their topics and the dead letters.",
        [
            ("sum by (kind) (rate(headrace_learning_lessons_total[5m]))", "{{kind}}"),
            ("sum(rate(headrace_learning_exposures_total[5m]))", "exposures"),
        ],
        "cps",
    )
    yield rates(
        "Age of the model",
        "Since the last version of a site's model. A slope beside lessons: nothing is published; see the log of "
        "process_interactions.",
        [("time() - max by (site) (headrace_learning_model_version)", "{{site}}")],
        "s",
    )
    yield rates(
        "Waiting rows",
        "Items that changed and are in no version yet. It should come back to 0; else raise "
        "PROCESS_INTERACTIONS_PUBLISH_ROWS.",
        [("sum(headrace_learning_waiting_rows)", "rows")],
    )
    yield rates(
        "Cost of exploration",
        "Reward of a place that the ranker kept, less that of one given away to learn. High for long: lower "
        "exploration.rate in deploy/recommendations.yaml. Below 0, exploration finds better items.",
        [("max by (site) (headrace_learning_exploration_cost)", "{{site}}")],
        least=None,
    )
    yield rates(
        "Cost of a day",
        "Reward that exploration lost in a day, as a share of what all places brought. Above 5 % lower its rate.",
        [("service:headrace_exploration_cost:ratio1d", "{{service}}")],
        "percentunit",
        least=None,
    )
    yield rates(
        "What exploration finds",
        "Share of the explored places of a source that were of use. A source far below the others can leave "
        "exploration.sources.",
        [
            (
                "sum by (site, source) (headrace_learning_arm_successes) / (sum by (site, source) "
                "(headrace_learning_arm_successes) + sum by (site, source) (headrace_learning_arm_failures))",
                "{{site}} {{source}}",
            )
        ],
        "percentunit",
    )
    yield rates(
        "Journal",
        "Entries since the last snapshot, which a restart learns again. It should fall to 0 at each snapshot; else "
        "see the log of process_interactions.",
        [("sum(headrace_learning_journal_entries)", "entries")],
        width=12,
    )
    yield rates(
        "Journal in bytes",
        "What a restart reads beside the snapshot. Where restarts take too long, lower "
        "PROCESS_INTERACTIONS_SNAPSHOT_ENTRIES.",
        [("sum(headrace_learning_journal_bytes)", "journal")],
        "bytes",
        12,
    )


def experiments() -> Iterator[Panel]:
    """Of those that are chosen."""
    named = "{{experiment}} {{arm}} {{metric}}"
    yield rates(
        "Difference from the control",
        "Mean per person less the control's, with the ends of its confidence sequence, which holds at every look. "
        "Decide by headrace experiments results, not by the lines: it also corrects for several metrics.",
        [
            (f"max by (experiment, arm, metric) (headrace_experiment_difference{{{CHOSEN}}})", named),
            (f"max by (experiment, arm, metric) (headrace_experiment_difference_lower{{{CHOSEN}}})", f"{named} least"),
            (f"max by (experiment, arm, metric) (headrace_experiment_difference_upper{{{CHOSEN}}})", f"{named} most"),
        ],
        width=12,
        least=None,
    )
    yield rates(
        "Evidence",
        "Always-valid p-values, corrected for the other comparisons. Below 0.05 the difference is real; near 1 after "
        "many people there is hardly one, and the experiment may end.",
        [(f"max by (experiment, arm, metric) (headrace_experiment_p_value{{{CHOSEN}}})", named)],
        width=12,
    )
    yield rates(
        "People",
        "Exposed so far, by arm. One arm that stands still: its answers are not recorded.",
        [(f"max by (experiment, arm) (headrace_experiment_enrolled{{{CHOSEN}}})", "{{experiment}} {{arm}}")],
    )
    yield rates(
        "Sample ratio",
        "p-value of the arms' sizes being as planned. Near 0: assignment or recording is broken and nothing here "
        "counts; find it and begin again with a higher revision.",
        [(f"min by (experiment) (headrace_experiment_sample_ratio_p_value{{{CHOSEN}}})", "{{experiment}}")],
    )
    yield rates(
        "Decision",
        "1 at what the stop rule says. ship: give everybody the arm's policy. stop_for_guardrail or invalid: pause it "
        "in its YAML.",
        [
            (
                f"max by (experiment, decision) (headrace_experiment_decision{{{CHOSEN}}})",
                "{{experiment}} {{decision}}",
            )
        ],
    )
    yield rates(
        "Harm to guardrails",
        "1 where an arm does harm beyond its margin: pause the experiment in its YAML.",
        [(f"max by (experiment, arm, metric) (headrace_experiment_guardrail_harmed{{{CHOSEN}}})", named)],
        width=12,
    )
    yield rates(
        "People whose window has closed",
        "They alone count in a metric. None beside people who were exposed: the window is not over, or no "
        "interactions come by which its end is seen.",
        [(f"max by (experiment, arm, metric) (headrace_experiment_people{{{CHOSEN}}})", named)],
        width=12,
    )
