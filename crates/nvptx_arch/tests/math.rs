//! The elementary functions against the standard library's.

use nvptx_arch::math;

/// How many representable values lie between two finite numbers of one sign.
fn ulps_f32(a: f32, b: f32) -> u32 {
    a.to_bits().abs_diff(b.to_bits())
}

fn ulps_f64(a: f64, b: f64) -> u64 {
    a.to_bits().abs_diff(b.to_bits())
}

/// Numbers spread evenly over a range.
fn spread(from: f64, to: f64) -> impl Iterator<Item = f64> {
    const STEPS: u32 = 200_000;
    (0..=STEPS).map(move |step| from + (to - from) * f64::from(step) / f64::from(STEPS))
}

#[test]
fn exp_f32_is_within_four_units() {
    for x in spread(-110.0, 90.0).chain(spread(-1.0, 1.0)).map(|x| x as f32) {
        let (given, exact) = (math::exp_f32(x), f64::from(x).exp() as f32);
        assert!(ulps_f32(given, exact) <= 4, "exp({x}) is {given}, expected {exact}");
    }
}

#[test]
fn exp_f64_is_within_two_units() {
    for x in spread(-750.0, 715.0).chain(spread(-1.0, 1.0)) {
        let (given, exact) = (math::exp_f64(x), x.exp());
        assert!(ulps_f64(given, exact) <= 2, "exp({x}) is {given}, expected {exact}");
    }
}

#[test]
fn ln_is_within_two_units() {
    let near_one = spread(0.5, 2.0);
    let every_size = spread(-300.0, 300.0).map(|exponent| 10f64.powf(exponent));
    for x in near_one.chain(every_size) {
        let (given, exact) = (math::ln_f64(x), x.ln());
        assert!(ulps_f64(given, exact) <= 2, "ln({x}) is {given}, expected {exact}");
        let narrow = x as f32;
        if narrow > 0.0 && narrow.is_finite() {
            let (given, exact) = (math::ln_f32(narrow), f64::from(narrow).ln() as f32);
            assert!(ulps_f32(given, exact) <= 2, "ln({narrow}) is {given}, expected {exact}");
        }
    }
}

#[test]
fn square_roots_are_correctly_rounded() {
    for x in spread(0.0, 1e6) {
        assert_eq!(math::sqrt_f64(x), x.sqrt());
        assert_eq!(math::sqrt_f32(x as f32), (x as f32).sqrt());
    }
}

#[test]
fn special_values_are_those_of_the_standard() {
    const INFINITY: f64 = f64::INFINITY;
    for (x, expected) in [(-INFINITY, 0.0), (INFINITY, INFINITY), (0.0, 1.0), (-0.0, 1.0), (f64::MAX, INFINITY)] {
        assert_eq!(math::exp_f64(x), expected);
        assert_eq!(math::exp_f32(x as f32), expected as f32);
    }
    assert_eq!(math::exp_f32(f32::MIN), 0.0);
    for (x, expected) in [(0.0, -INFINITY), (-0.0, -INFINITY), (INFINITY, INFINITY), (1.0, 0.0)] {
        assert_eq!(math::ln_f64(x), expected);
        assert_eq!(math::ln_f32(x as f32), expected as f32);
    }
    let nans = [
        math::exp_f64(f64::NAN),
        math::ln_f64(f64::NAN),
        math::ln_f64(-1.0),
        math::exp_f32(f32::NAN).into(),
        math::ln_f32(f32::NAN).into(),
        math::ln_f32(-1.0).into(),
        math::sqrt_f64(-1.0),
        math::sqrt_f32(-1.0).into(),
    ];
    assert!(nans.into_iter().all(f64::is_nan), "{nans:?}");
}
