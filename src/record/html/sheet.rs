//! A sheet of HTML: headings, tables, lists, and how they look on a screen and on paper.

use crate::text::Shown;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--line:#c9ced6;--quiet:#57606a;--good:#1a7f37;--bad:#b42318;--wait:#8a5a00;--band:#f3f5f8}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14171c;--line:#3a414b;--quiet:#9aa4b2;--good:#58c97b;--bad:#ff8578;--wait:#e7b552;--band:#1d2229}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);overflow-wrap:break-word}
th{color:var(--quiet);font-weight:600}.names th{width:7rem;white-space:nowrap}.long,li{overflow-wrap:anywhere}ul{margin:.5rem 0;padding-left:1.2rem}
pre{font:.85rem/1.4 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap;background:var(--band);padding:.6rem}
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}
.banner{border:2px solid currentColor;padding:.5rem .8rem;margin:1rem 0;font-weight:600}
@media print{:root{color-scheme:light;--ink:#000;--paper:#fff;--line:#999;--quiet:#444;--good:#000;--bad:#000;--wait:#000;--band:#fff}body{max-width:none;padding:0;font-size:10.5pt}h2{break-after:avoid}.bad,.wait{font-weight:600}tr,pre,.banner{break-inside:avoid}thead{display:table-header-group}}
@page{margin:18mm}";

/// What a browser may do with the page: nothing but show it.
const ALONE: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// From how many letters on a word without a gap may break anywhere.
const LONG: usize = 24;

/// A page that is being written.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    pub(super) fn begin(title: &str) -> Self {
        let mut page = Self::default();
        page.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
        page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        page.raw("<meta name=\"color-scheme\" content=\"light dark\">");
        page.raw(&format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{ALONE}\">"));
        page.raw(&format!("<title>{}</title><style>{STYLE}</style></head>", safe(title)));
        page.raw("<body><main>\n");
        page
    }

    pub(super) fn end(mut self) -> String {
        self.raw("</main></body></html>\n");
        self.0
    }

    fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.raw(&format!("<h1>{}</h1>\n", safe(text)));
    }

    pub(super) fn banner(&mut self, class: &str, text: &str) {
        self.raw(&format!("<p class=\"banner {class}\">{}</p>\n", safe(text)));
    }

    /// Writes a list; one without lines is left out.
    pub(super) fn list(&mut self, title: &str, lines: impl Iterator<Item = String>) {
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() {
            return;
        }
        self.raw(&format!("<h2>{}</h2>\n<ul>\n", safe(title)));
        for line in lines {
            self.raw(&format!("<li>{}</li>\n", safe(&line)));
        }
        self.raw("</ul>\n");
    }

    /// Writes commands as they are typed.
    pub(super) fn commands(&mut self, title: &str, commands: &[String]) {
        self.raw(&format!("<h2>{}</h2>\n<pre>", safe(title)));
        for command in commands {
            self.raw(&safe(&format!("$ {command}\n")));
        }
        self.raw("</pre>\n");
    }

    /// Writes a table; one without rows is left out. Where it has no heads, the first cell of each
    /// row names the row. A column in which nothing stands is left out.
    pub(super) fn table(
        &mut self,
        title: &str,
        heads: &[&str],
        rows: impl Iterator<Item = Vec<String>>,
    ) {
        let rows: Vec<Vec<String>> = rows.collect();
        if rows.is_empty() {
            return;
        }
        if !title.is_empty() {
            self.raw(&format!("<h2>{}</h2>\n", safe(title)));
        }
        let used = |column: usize| {
            rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty()))
        };
        let class = if heads.is_empty() { " class=\"names\"" } else { "" };
        self.raw(&format!("<table{class}>"));
        if !heads.is_empty() {
            self.raw("<thead><tr>");
            for (_, head) in heads.iter().enumerate().filter(|(column, _)| used(*column)) {
                self.raw(&format!("<th scope=\"col\">{}</th>", safe(head)));
            }
            self.raw("</tr></thead>");
        }
        self.raw("<tbody>\n");
        for row in &rows {
            self.raw("<tr>");
            for (column, cell) in row.iter().enumerate().filter(|(column, _)| used(*column)) {
                let cell = if heads.is_empty() && column == 0 {
                    format!("<th scope=\"row\">{}</th>", safe(cell))
                } else {
                    format!("<td{}>{}</td>", class_of(cell), safe(cell))
                };
                self.raw(&cell);
            }
            self.raw("</tr>\n");
        }
        self.raw("</tbody></table>\n");
    }
}

/// Returns how a cell looks by what it says. Whatever it is, the word says it too.
fn class_of(cell: &str) -> &'static str {
    let first = cell.split(',').next().unwrap_or_default();
    match first {
        "ok" | "met" | "confirmed" | "signed-off" | "rolled-back" | "measured" => " class=\"good\"",
        "BAD" | "not met" | "critical" | "not-cleared" => " class=\"bad\"",
        "unmeasured" | "open" | "warn" | "accepted" | "cannot be told" | "not confirmed"
        | "not run" => " class=\"wait\"",
        _ if cell.split_whitespace().any(|word| word.len() >= LONG) => " class=\"long\"",
        _ => "",
    }
}

/// Makes text safe between tags and within quotes.
fn safe(text: &str) -> String {
    let text = Shown::text(text).into_string();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the tags of a page; every one that opens closes, in order.
    #[track_caller]
    fn is_well_formed(html: &str) {
        let mut open: Vec<&str> = Vec::new();
        let body = html.strip_prefix("<!doctype html>").unwrap();
        for tag in body.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            let name = tag.split(' ').next().unwrap();
            match name.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "{html}"),
                None if name == "meta" => {}
                None => open.push(name),
            }
        }
        assert_eq!(open, Vec::<&str>::new());
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut page = Page::begin("</title><script>alert(1)</script>");
        page.heading("<img src=x onerror=alert(1)>");
        page.banner("bad", "\u{202e}\u{1b}[2J<b>");
        page.table("a \"b\"", &["<i>"], [vec!["&amp; <td>".to_owned()]].into_iter());
        page.list("list", ["</li></ul>".to_owned()].into_iter());
        page.commands("run", &["echo '</pre>'".to_owned()]);
        let html = page.end();
        is_well_formed(&html);
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains('\u{1b}'));
        assert!(html.contains("&amp;amp; &lt;td&gt;"), "{html}");
    }

    #[test]
    fn a_table_names_its_rows_and_leaves_out_what_is_empty() {
        let mut page = Page::default();
        let row = |words: [&str; 3]| words.map(str::to_owned).to_vec();
        page.table("", &[], [row(["Who", "mira", ""])].into_iter());
        page.table("", &["what", "answer", "to do"], [row(["chain", "BAD", ""])].into_iter());
        page.table("none", &["what"], std::iter::empty());
        assert_eq!(
            page.0,
            "<table class=\"names\"><tbody>\n<tr><th scope=\"row\">Who</th><td>mira</td></tr>\n\
             </tbody></table>\n<table><thead><tr><th scope=\"col\">what</th>\
             <th scope=\"col\">answer</th></tr></thead><tbody>\n<tr><td>chain</td>\
             <td class=\"bad\">BAD</td></tr>\n</tbody></table>\n"
        );
    }
}
