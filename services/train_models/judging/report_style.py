"""How a model's report looks, by day and by night; plots take their colours from the same variables."""

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1c2430; --soft: #5b6675; --line: #e2e6ec;
  --blue: #0072b2; --orange: #d98e00; --green: #00805d; --red: #d55e00; --purple: #b0508a; --wash: #0072b21c;
  --amber: #9a5b00; --amber-wash: #fff4dc; --green-wash: #e6f5ec; }
@media (prefers-color-scheme: dark) { :root { --page: #12161c; --card: #1b212a; --ink: #e6eaf0; --soft: #9aa6b5;
  --line: #2c3541; --blue: #56b4e9; --orange: #f0b23c; --green: #3ccf9f; --red: #ff8a4c; --purple: #e79cc5;
  --wash: #56b4e924; --amber: #f2b84b; --amber-wash: #33290f; --green-wash: #14301f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { margin: 0; font-size: 26px; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 34px 0 8px; font-size: 18px; }
h3 { margin: 0 0 6px; font-size: 14px; font-weight: 600; }
p { margin: 4px 0 10px; max-width: 86ch; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.findings { margin: 18px 0 0; padding: 12px 16px 14px; border-radius: 10px; border: 1px solid var(--line);
  border-left: 5px solid var(--green); background: var(--green-wash); }
.findings.some { border-left-color: var(--amber); background: var(--amber-wash); }
.findings strong { color: var(--green); }
.findings.some > strong { color: var(--amber); }
.findings ul { margin: 6px 0 0; padding-left: 20px; }
.findings li { overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 14px; margin-top: 18px; }
.tile { padding: 14px 16px 12px; }
.tile b { display: block; font-size: 25px; line-height: 1.3; font-weight: 650; overflow-wrap: anywhere; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); gap: 14px;
  margin: 12px 0; align-items: start; }
.picture { padding: 14px 16px 10px; margin: 0; }
.picture figcaption { color: var(--soft); font-size: 13px; margin-top: 6px; }
.plot { display: block; width: 100%; height: auto; }
.wide { overflow-x: auto; margin: 8px 0; }
.pictures .wide { margin: 0; }
table { border-collapse: collapse; width: 100%; }
th { font-weight: 600; font-size: 13px; color: var(--soft); }
th, td { padding: 6px 10px; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
tr.chosen td { background: var(--wash); font-weight: 600; }
td.name { white-space: normal; overflow-wrap: break-word; min-width: 110px; max-width: 340px; }
td.long { white-space: normal; overflow-wrap: anywhere; font-size: 13px; }
th.n, td.n { text-align: right; }
td.bad { color: var(--amber); font-weight: 650; }
.kind.bad { color: var(--amber); background: var(--amber-wash); }
.kind { padding: 1px 8px; border-radius: 9px; font-size: 12.5px; font-weight: 400; background: var(--wash);
  color: var(--blue); white-space: nowrap; }
.matrix td { text-align: center; font-size: 18px; }
.matrix td.right { background: var(--wash); }
.matrix small { display: block; font-size: 12px; color: var(--soft); }
code { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; white-space: normal; }
footer { margin-top: 28px; font-size: 13px; color: var(--soft); }
@media print { body { background: #fff; } .card { break-inside: avoid; } }
"""
