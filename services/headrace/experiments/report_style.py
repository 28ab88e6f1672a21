"""How an experiment's report looks, by day and by night; pictures take their colours from the same variables."""

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1c2430; --soft: #5b6675; --line: #e2e6ec;
  --blue: #0072b2; --green: #00805d; --red: #c2410c; --amber: #9a5b00; --wash: #0072b21c; --green-wash: #e6f5ec;
  --red-wash: #fdece4; --amber-wash: #fff4dc; }
@media (prefers-color-scheme: dark) { :root { --page: #12161c; --card: #1b212a; --ink: #e6eaf0; --soft: #9aa6b5;
  --line: #2c3541; --blue: #56b4e9; --green: #3ccf9f; --red: #ff8a4c; --amber: #f2b84b; --wash: #56b4e924;
  --green-wash: #14301f; --red-wash: #38200f; --amber-wash: #33290f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { margin: 0; font-size: 26px; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 34px 0 8px; font-size: 18px; }
p { margin: 4px 0 10px; max-width: 86ch; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.decision { margin: 18px 0 0; padding: 12px 16px 14px; border-radius: 10px; border: 1px solid var(--line);
  border-left: 5px solid var(--blue); background: var(--wash); }
.decision b { display: block; font-size: 20px; color: var(--blue); }
.decision.good { border-left-color: var(--green); background: var(--green-wash); }
.decision.good b { color: var(--green); }
.decision.bad { border-left-color: var(--red); background: var(--red-wash); }
.decision.bad b { color: var(--red); }
.decision.open { border-left-color: var(--amber); background: var(--amber-wash); }
.decision.open b { color: var(--amber); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 14px; margin-top: 18px; }
.tile { padding: 14px 16px 12px; }
.tile b { display: block; font-size: 25px; line-height: 1.3; font-weight: 650; overflow-wrap: anywhere; }
.tile span { display: block; }
.picture { padding: 14px 16px 10px; margin: 12px 0; }
.picture figcaption { color: var(--soft); font-size: 13px; margin-top: 6px; }
.plot { display: block; width: 100%; height: auto; }
.plot text { fill: var(--ink); font-size: 13px; }
.plot text.soft { fill: var(--soft); font-size: 12px; }
.plot .grid { stroke: var(--line); }
.plot .zero { stroke: var(--soft); }
.plot .unclear { stroke: var(--soft); fill: var(--soft); }
.plot .better { stroke: var(--green); fill: var(--green); }
.plot .worse { stroke: var(--red); fill: var(--red); }
.plot .margin { fill: var(--red); opacity: .55; }
.wide { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; width: 100%; }
th { font-weight: 600; font-size: 13px; color: var(--soft); }
th, td { padding: 6px 10px; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.about { white-space: normal; min-width: 160px; }
tr:last-child td { border-bottom: 0; }
th.n, td.n { text-align: right; }
td.better { color: var(--green); font-weight: 650; }
td.worse { color: var(--red); font-weight: 650; }
footer { margin-top: 28px; font-size: 13px; color: var(--soft); }
@media print { body { background: #fff; } .card { break-inside: avoid; } }
"""
