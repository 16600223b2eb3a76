//! Prometheus text 0.0.4 from OpenMetrics: the samples are the same, what is said about them is not.

/// Families are called by the names of their samples, infos are gauges, units and the end are not told.
pub(super) fn from_openmetrics(exposition: &str) -> String {
    let mut text = String::with_capacity(exposition.len());
    // Help comes before the type that it is called by.
    let mut help = None;
    for line in exposition.split_inclusive('\n') {
        let mut words = line.trim_end_matches('\n').splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), Some(sentence)) => help = Some((name, sentence)),
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    kind => ("", kind),
                };
                if let Some((_, sentence)) = help.take().filter(|(of, _)| *of == name) {
                    text.extend(["# HELP ", name, suffix, " ", sentence, "\n"]);
                }
                text.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
            }
            (Some("#"), ..) => {}
            _ => text.push_str(line),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn families_are_called_by_the_names_of_their_samples() {
        let openmetrics = "# HELP a_seconds What a is.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
            a_seconds_total{x=\"# TYPE a b\"} 1\n# HELP b Info of b.\n# TYPE b info\nb_info{y=\"\\n\"} 1\n\
            # HELP c Of c.\n# TYPE c gauge\nc 2\n# EOF\n";
        let text = "# HELP a_seconds_total What a is.\n# TYPE a_seconds_total counter\n\
            a_seconds_total{x=\"# TYPE a b\"} 1\n# HELP b_info Info of b.\n# TYPE b_info gauge\nb_info{y=\"\\n\"} 1\n\
            # HELP c Of c.\n# TYPE c gauge\nc 2\n";
        assert_eq!(super::from_openmetrics(openmetrics), text);
    }
}
