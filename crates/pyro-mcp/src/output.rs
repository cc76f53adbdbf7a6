//! Outputs that are longer than their results: where the rest is, and what is not kept of it.

use pyro_core::OutputPage;

/// What the address of an output begins with.
pub(crate) const ADDRESS: &str = "pyro://output/";

/// What the last page says where only the first bytes of an output were kept.
pub(crate) fn lacking(page: &OutputPage) -> Option<String> {
    let is_cut = page.next_offset.is_none() && page.output_bytes > page.total_bytes;
    is_cut.then(|| {
        let lost = page.output_bytes - page.total_bytes;
        format!(
            "the output is incomplete: its last {lost} of {} bytes were not kept",
            page.output_bytes
        )
    })
}
