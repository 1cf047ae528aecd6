"""How the page looks: light and dark, on paper too."""

STYLE = """\
:root{--ink:#1c2024;--dim:#5f6a74;--paper:#fff;--edge:#d8dde2;--good:#1a7f4b;
  --bad:#b42318;--drawn:#2563a8;--allowed:#b45309}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaee;--dim:#9aa6b2;--paper:#15191d;
  --edge:#333b43;--good:#4cc38a;--bad:#ff8a7a;--drawn:#6db0f2;--allowed:#f0a94b}
}
body{margin:0;background:var(--paper);color:var(--ink);
  font:16px/1.5 system-ui,sans-serif}
main{max-width:50rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:2rem;line-height:1.2;margin:.2rem 0}
h2{font-size:1.1rem;margin:2.2rem 0 .6rem}
h1.good{color:var(--good)}
h1.bad{color:var(--bad)}
.log,header p{color:var(--dim);margin:0}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.4rem .8rem .4rem 0;
  border-bottom:1px solid var(--edge);vertical-align:top;overflow-wrap:anywhere}
th{color:var(--dim);font-weight:500}
td:first-child,th:first-child{white-space:nowrap}
td:last-child{font-variant-numeric:tabular-nums}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));
  gap:.8rem;margin-top:2rem}
.tiles div{border:1px solid var(--edge);border-radius:.5rem;padding:.7rem .9rem}
.tiles b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.tiles span{color:var(--dim);font-size:.85rem}
figure{margin:2.2rem 0 0}
figcaption{font-weight:600;font-size:1.1rem;margin-bottom:.4rem}
.legend{font-weight:400;font-size:.85rem;margin-left:.6rem}
.key{margin-right:.8rem}
.key::before{content:"";display:inline-block;width:.8rem;height:.2rem;
  margin-right:.35rem;vertical-align:middle;background:currentColor}
.key.drawn,.key.efficiency{color:var(--drawn)}
.key.allowed{color:var(--allowed)}
svg{width:100%;height:auto}
.grid{stroke:var(--edge)}
.label{fill:var(--dim);font-size:11px}
.end{text-anchor:end}
.middle{text-anchor:middle}
.line{fill:none;stroke-width:1.6}
.line.drawn,.line.efficiency{stroke:var(--drawn)}
.line.allowed{stroke:var(--allowed);stroke-width:2}
.area.drawn{fill:var(--drawn);opacity:.16}
rect.good{fill:var(--good)}
rect.bad{fill:var(--bad)}
.limit{stroke:var(--allowed);stroke-width:2;stroke-dasharray:5 4}
@media print{main{max-width:none}
h2,figure{break-after:avoid;break-inside:avoid}
}
"""
