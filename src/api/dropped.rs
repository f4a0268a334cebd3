//! What a request says and its provider is not told, for `x-llm-dropped`.

/// Most names that are listed: the header is cut at fewer, and each is looked for among the others.
const MAX_NAMES: usize = 64;

/// Lists what could not be carried, once.
pub(crate) fn note(dropped: &mut Vec<String>, what: &str) {
    if dropped.len() < MAX_NAMES && !dropped.iter().any(|known| known == what) {
        dropped.push(what.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_listed_once_and_only_so_many_of_them() {
        let mut dropped = Vec::new();
        for n in 0..100_000 {
            note(&mut dropped, "user");
            note(&mut dropped, &format!("k{n}"));
        }
        assert_eq!(dropped.len(), MAX_NAMES);
        assert_eq!(dropped.iter().filter(|name| *name == "user").count(), 1);
    }
}
