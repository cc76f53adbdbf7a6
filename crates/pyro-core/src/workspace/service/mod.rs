//! Services: commands in a workspace that go on when whoever started them has ended.

pub mod follow;
pub mod info;
pub mod limits;
pub mod list;
pub mod logs;
mod reply;
pub mod start;
pub mod status;
pub mod stop;
