//! Calls of driver functions, with each kind of libcuda.so.1 that a machine may have.

mod child;
mod with_driver;
mod without_driver;
