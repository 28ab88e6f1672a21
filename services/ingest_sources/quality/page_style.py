"""How the page of reports looks, by day and by night."""

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1c2430; --soft: #5b6675; --line: #e2e6ec;
  --blue: #2563b8; --wash: #2563b81c; --amber: #9a5b00; --amber-wash: #fff4dc; --green: #1d6f42;
  --green-wash: #e6f5ec; }
@media (prefers-color-scheme: dark) { :root { --page: #12161c; --card: #1b212a; --ink: #e6eaf0; --soft: #9aa6b5;
  --line: #2c3541; --blue: #6ea8ff; --wash: #6ea8ff24; --amber: #f2b84b; --amber-wash: #33290f; --green: #6fcf97;
  --green-wash: #14301f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { margin: 0; font-size: 26px; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 32px 0 10px; font-size: 17px; }
p { margin: 4px 0; }
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
.tile b { display: block; font-size: 25px; line-height: 1.3; font-weight: 650; }
.tile .spark { width: 100%; height: 40px; margin-top: 6px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 0 24px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { font-weight: 600; font-size: 13px; color: var(--soft); }
th, td { padding: 7px 12px; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
td.name { white-space: normal; overflow-wrap: anywhere; min-width: 140px; }
th.n, td.n { text-align: right; }
td.bad { color: var(--amber); font-weight: 650; }
.kind { padding: 1px 8px; border-radius: 9px; font-size: 12.5px; background: var(--wash); color: var(--blue); }
.bar { width: 120px; }
.bar i { display: block; height: 9px; border-radius: 3px; background: var(--blue); min-width: 2px; }
.spark { width: 120px; height: 28px; display: block; overflow: visible; }
.spark .line { fill: none; stroke: var(--blue); stroke-width: 1.6; vector-effect: non-scaling-stroke; }
.spark .area { fill: var(--wash); }
.spark .last { fill: var(--blue); }
.spark .mark { fill: var(--amber); }
footer { margin-top: 28px; font-size: 13px; color: var(--soft); }
@media print { body { background: #fff; } .card { break-inside: avoid; } }
"""
