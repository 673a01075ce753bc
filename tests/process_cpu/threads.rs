//! Results do not depend on the number of threads.

use tensorrt_scatter::cpu;

use crate::{LARGE, every_operator::calls};

#[test]
fn results_have_the_same_bits_whatever_the_number_of_threads() {
    // Other tests of this process may set another number meanwhile; their results do not depend on it either.
    for call in calls(LARGE) {
        cpu::set_threads(1);
        let expected = (call.run)(None).unwrap();
        for threads in [2, 3, 7] {
            cpu::set_threads(threads);
            assert!((call.run)(None).unwrap() == expected, "{} with {threads} threads", call.name);
        }
    }
}
