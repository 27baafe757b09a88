--- The style of a report (tuning.report). Every text has a contrast of 4.5 or more to what is behind it, light and dark alike, and
-- what colours tell is told by a letter or a word, too.
return [[
:root {
  color-scheme: light dark;
  --back: #ffffff; --text: #1a2029; --soft: #56606d; --edge: #dce0e6; --track: #e9ecf1; --mark: #fff6e0; --marked: #8a5a00;
  --good: #17703a; --bad: #b3261e; --badback: #fdf0ee;
  --c1: #1d5fc2; --c2: #b04a00; --c3: #17703a; --c4: #7440bd; --c5: #ad1a6b; --c6: #0b6e80; --c7: #785a00; --c8: #55606e;
  --s1: #7d8797; --s2: #b04a00; --s3: #1d5fc2;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --back: #14181e; --text: #e6eaf0; --soft: #a3adba; --edge: #323a45; --track: #262d36; --mark: #2c2617; --marked: #ecc46c;
    --good: #6fd08c; --bad: #ff9a91; --badback: #2e1b1b;
    --c1: #7fb0ff; --c2: #ffab66; --c3: #6fd08c; --c4: #c6a5ff; --c5: #ff94ca; --c6: #5fd3e3; --c7: #e0c15a; --c8: #aab4c2;
    --s1: #8a94a4; --s2: #ffab66; --s3: #7fb0ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; -webkit-text-size-adjust: 100%; }
header, main { max-width: 1080px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 48px; }
main { padding-bottom: 64px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; font-weight: 650; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 0 0 12px; font-weight: 650; }
h3 { font-size: 1rem; margin: 0 0 8px; font-weight: 600; }
section { margin-top: 48px; }
p { margin: 4px 0 12px; }
ul { list-style: none; margin: 0; padding: 0; }
.soft { color: var(--soft); font-size: .9rem; }
.note { color: var(--marked); font-size: .8rem; font-weight: 500; }
code { font: .9em ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 12px 24px 12px 0; font-weight: 400; overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-size: .85rem; padding-top: 0; padding-bottom: 8px; }
tbody tr { border-top: 1px solid var(--edge); }
.jobs { table-layout: fixed; }
.jobs th:first-child { width: 40%; }
.jobs th:last-child { width: 16%; }
.who { display: flex; gap: 10px; align-items: baseline; }
.who > span:last-child { min-width: 0; }
.name { display: block; font-weight: 600; color: var(--text); overflow-wrap: anywhere; }
.badge { flex: none; min-width: 1.5em; padding: 0 .35em; border-radius: 4px; background: var(--c); color: var(--back); font-size: .8rem;
  font-weight: 700; line-height: 1.5em; text-align: center; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.status { font-weight: 500; }
.status.Completed { color: var(--good); }
.status.Failed { color: var(--bad); }
.value, .best { font-size: 1.05rem; }
.best { font-weight: 700; }
svg { display: block; }
.bar { margin-top: 6px; }
.track { fill: var(--track); }
rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.c1 { --c: var(--c1); } .c2 { --c: var(--c2); } .c3 { --c: var(--c3); } .c4 { --c: var(--c4); }
.c5 { --c: var(--c5); } .c6 { --c: var(--c6); } .c7 { --c: var(--c7); } .c8 { --c: var(--c8); }
.bar rect:last-child { fill: var(--c); }
figure { margin: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 20px; margin-bottom: 18px; font-size: .9rem; }
.legend li { display: flex; gap: 8px; align-items: baseline; min-width: 0; overflow-wrap: anywhere; }
.key { flex: none; align-self: center; }
.key line { stroke: var(--soft); stroke-width: 2; }
.plot { padding: 8px 28px 34px 56px; }
.lines { overflow: visible; }
.lines text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.lines .mark { fill: var(--c); font-weight: 700; paint-order: stroke; stroke: var(--back); stroke-width: 3px; stroke-linejoin: round; }
.grid { stroke: var(--edge); }
.base { stroke: var(--soft); }
path { fill: none; stroke: var(--c); stroke-width: 1.25; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.dashed { stroke-dasharray: 6 5; stroke-width: 2; }
circle { fill: var(--c); stroke: var(--c); stroke-width: 1.75; }
.hollow { fill: var(--back); }
.times th:first-child { width: 30%; }
.stages { display: flex; flex-wrap: wrap; gap: 2px 20px; margin-top: 6px; font-size: .9rem; }
.spans { margin-top: 5px; overflow: hidden; }
.dot { display: inline-block; width: .7em; height: .7em; margin-right: .5em; border-radius: 2px; background: var(--c);
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.validation { --c: var(--s1); } .dataProcessing { --c: var(--s2); } .training { --c: var(--s3); }
.spans rect:not(.track) { fill: var(--c); }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--c1); outline-offset: 4px; }
.settings th, .settings td { min-width: 11em; padding-top: 8px; padding-bottom: 8px; font-size: .95rem; }
.settings tbody th { min-width: 8em; color: var(--soft); }
.settings .differs { background: var(--mark); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.settings .differs td { font-weight: 600; }
.settings .differs .note { display: block; }
.settings tbody th { padding-left: 10px; }
.details { display: grid; gap: 32px 48px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); }
article { min-width: 0; border-top: 1px solid var(--edge); padding-top: 14px; }
dl { display: grid; grid-template-columns: 8.5em minmax(0, 1fr); gap: 4px 12px; margin: 0; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.failure { border-left: 3px solid var(--bad); background: var(--badback); padding: 8px 12px; margin: 8px 0 12px; font-size: .95rem;
  overflow-wrap: anywhere; }
.failure b { color: var(--bad); }
.tags { display: flex; flex-wrap: wrap; gap: 4px 8px; }
.tags li { border: 1px solid var(--edge); border-radius: 4px; padding: 0 6px; min-width: 0; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  header, main { padding: 0 16px; }
  header { padding-top: 28px; }
  section { margin-top: 36px; }
  th, td { padding-right: 12px; }
  .jobs, .times, .jobs tbody, .times tbody { display: block; }
  .jobs thead, .times th:first-child[role="columnheader"] {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }
  .jobs tr { display: grid; grid-template-columns: 2fr 2fr 1fr; gap: 10px 16px; padding: 14px 0; }
  .times tr, .times thead { display: block; }
  .times tbody tr { padding: 12px 0; }
  .jobs tbody th, .jobs td, .times tbody th, .times td { display: block; padding: 0; min-width: 0; width: auto; }
  .jobs tbody th:first-child, .times tbody th:first-child { width: auto; }
  .jobs tbody th { grid-column: 1 / -1; }
  .jobs td::before { content: attr(data-label); display: block; color: var(--soft); font-size: .8rem; }
  .stages { flex-direction: column; }
  .plot { padding-left: 44px; padding-right: 24px; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: 8px; }
}
@media print {
  body { font-size: 11pt; }
  header, main { max-width: none; padding: 0; }
  section { margin-top: 24pt; }
  tr, article, figure { break-inside: avoid; }
  h2 { break-after: avoid; }
  .scroll { overflow: visible; }
  .settings th, .settings td { min-width: 0; }
}
]]
