//! The commands of `docs/install.md`, which the wheel and the archive are tried with as they stand
//! there.

const PAGE: &str = include_str!("../../docs/install.md");

/// How the wheel is installed.
pub(crate) fn wheel() -> &'static str {
    block("## The Python package")
}

/// How the archive is unpacked.
pub(crate) fn archive() -> &'static str {
    block("## The archive")
}

/// The block of commands below a heading; nothing where there is none, which a test would see.
fn block(heading: &str) -> &'static str {
    let section = PAGE.split_once(heading).map_or("", |(_, section)| section);
    let block = section.split_once("```bash\n").map_or("", |(_, block)| block);
    block.split_once("```").map_or("", |(block, _)| block)
}

#[cfg(test)]
mod tests {
    use super::{PAGE, archive, wheel};

    #[test]
    fn every_block_of_the_page_is_tried() {
        assert_eq!(PAGE.matches("```bash\n").count(), 2);
        assert_eq!(PAGE.matches("```").count(), 4);
        assert!(wheel().contains("pip install") && archive().contains("tar -xf"));
    }
}
