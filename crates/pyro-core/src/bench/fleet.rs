//! Many vms alive at once: what each takes of the host's memory and disk.

use super::error::BenchError;
use super::guest;
use super::measuring::Bench;
use super::report::Unit;
use super::site::Started;
use crate::host::usage;
use crate::vm::paths;
use futures::future::join_all;

/// How many vms are alive when their memory is read, as far as so many were asked for.
const SIZES: [u32; 3] = [1, 10, 20];

impl Bench<'_> {
    /// PSS and disk of each vm at each size, after one command in it.
    pub(super) async fn fleet(&mut self) -> Result<(), BenchError> {
        let mut alive = Vec::new();
        for size in sizes(self.request.vms) {
            while alive.len() < size as usize {
                self.tell(
                    "vms alive at once",
                    u32::try_from(alive.len()).unwrap_or(u32::MAX),
                    self.request.vms,
                );
                let started = self.site.start(self.request, self.progress).await?;
                guest::exec_true(started.vm.client()).await?;
                alive.push(started);
            }
            self.footprint(size, &alive)?;
        }
        for end in join_all(alive.into_iter().map(Started::end)).await {
            end?;
        }
        Ok(())
    }

    fn footprint(&mut self, size: u32, alive: &[Started<'_>]) -> Result<(), BenchError> {
        let (mut memory, mut disk) = (Vec::new(), Vec::new());
        for started in alive {
            let mut pss = 0;
            for process in self.site.processes(started.id)? {
                pss += usage::pss_bytes(process.pid)?;
            }
            memory.push(pss as f64 / 1e6);
            disk.push(
                usage::allocated_bytes(&paths::vm_dir(&self.site.config, started.id))? as f64 / 1e6,
            );
        }
        let what = |thing| format!("{thing} of each of {size} alive");
        let words = "memory (PSS of QEMU and supervisor)";
        self.report.add(&format!("pss_{size}"), what(words), Unit::Megabytes, &memory);
        self.report.add(&format!("disk_{size}"), what("disk"), Unit::Megabytes, &disk);
        Ok(())
    }
}

/// The sizes up to `most`, and `most` itself.
fn sizes(most: u32) -> Vec<u32> {
    let mut sizes: Vec<u32> = SIZES.into_iter().filter(|size| *size < most).collect();
    sizes.push(most);
    sizes
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn sizes_end_with_what_was_asked_for() {
        for (most, expected) in
            [(1, vec![1]), (2, vec![1, 2]), (20, vec![1, 10, 20]), (30, vec![1, 10, 20, 30])]
        {
            assert_eq!(sizes(most), expected);
        }
    }
}
