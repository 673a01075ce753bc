//! Lidar sweeps: read from a file, or generated.

use std::{error::Error, fs, path::Path};

/// One return of the scanner.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Position in metres, the scanner at the origin, z up.
    pub x: f32,
    pub y: f32,
    pub z: f32,
    /// How much light came back, 0 to 255.
    pub intensity: f32,
}

/// Float32 values of one point in a file: x, y, z, intensity, ring.
const VALUES_PER_POINT: usize = 5;

/// Reads little-endian float32 of shape [N, 5].
pub fn read(path: &Path) -> Result<Vec<Point>, Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read the sweep {}: {error}", path.display()))?;
    let record = VALUES_PER_POINT * size_of::<f32>();
    if bytes.len() % record != 0 {
        return Err(format!(
            "{} has {} bytes, which is no multiple of {record}: expected float32 of shape [N, {VALUES_PER_POINT}]",
            path.display(),
            bytes.len()
        )
        .into());
    }
    let value = |record: &[u8], i: usize| {
        let at = i * size_of::<f32>();
        f32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
    };
    Ok(bytes
        .chunks_exact(record)
        .map(|record| Point {
            x: value(record, 0),
            y: value(record, 1),
            z: value(record, 2),
            intensity: value(record, 3),
        })
        .collect())
}

/// Rings and steps around of the generated scanner: 32 x 1084 rays, as in the sweeps of common data sets.
const RINGS: u32 = 32;
const STEPS: u32 = 1084;
/// The scanner's height over the ground, metres.
const SCANNER_HEIGHT: f32 = 1.84;
/// Rays that meet nothing within this many metres do not return.
const MAX_RANGE: f32 = 80.0;

/// A box standing on the ground.
struct Solid {
    min: [f32; 3],
    max: [f32; 3],
    intensity: f32,
}

/// The crown of a tree: a ball of leaves. Some leaves let a ray pass.
struct Crown {
    center: [f32; 3],
    radius: f32,
}

/// How bright leaves are.
const LEAVES: f32 = 35.0;

/// A street between two rows of houses, with parked cars, poles and a crossing, scanned from its middle.
pub fn generate() -> Vec<Point> {
    let (solids, crowns) = street();
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    let mut points = Vec::new();
    for ring in 0..RINGS {
        // From 30 degrees down to 10 degrees up.
        let elevation = (-30.0 + 40.0 * ring as f32 / (RINGS - 1) as f32).to_radians();
        for step in 0..STEPS {
            let azimuth = std::f32::consts::TAU * step as f32 / STEPS as f32;
            let direction = [elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin()];
            let leaves = crowns.iter().filter_map(|crown| meet_leaves(crown, direction, &mut noise));
            let leaves = leaves.map(|range| (range, LEAVES)).min_by(|a, b| a.0.total_cmp(&b.0));
            let nearest = cast(&solids, direction).into_iter().chain(leaves).min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((range, intensity)) = nearest {
                let range = range + 0.02 * noise.next();
                points.push(Point {
                    x: range * direction[0],
                    y: range * direction[1],
                    z: range * direction[2],
                    intensity: (intensity + 8.0 * noise.next()).clamp(0.0, 255.0),
                });
            }
        }
    }
    points
}

fn street() -> (Vec<Solid>, Vec<Crown>) {
    let ground = -SCANNER_HEIGHT;
    let solid = |x: f32, y: f32, length: f32, width: f32, height: f32, intensity: f32| Solid {
        min: [x - length / 2.0, y - width / 2.0, ground],
        max: [x + length / 2.0, y + width / 2.0, ground + height],
        intensity,
    };
    let mut solids = Vec::new();
    for block in -4..4 {
        let x = block as f32 * 13.0 + 7.0;
        // A gap for the crossing.
        if block != 1 {
            let height = 5.0 + (block * block % 5) as f32;
            solids.push(solid(x, 15.0, 11.0, 9.0, height, 60.0));
            solids.push(solid(x, -16.0, 12.0, 10.0, height + 1.0, 45.0));
        }
        solids.push(solid(x - 2.0, 6.5, 4.4, 1.8, 1.5, 120.0));
        if block % 2 == 0 {
            solids.push(solid(x + 3.0, -6.8, 4.6, 1.9, 1.6, 140.0));
        }
        solids.push(solid(x + 5.0, 8.6, 0.3, 0.3, 6.0, 200.0));
    }
    solids.push(solid(14.0, 1.8, 4.5, 1.9, 1.5, 150.0));
    solids.push(solid(-19.0, -1.9, 9.0, 2.5, 3.2, 110.0));
    // A small park in the gap, and a row of trees along the other side.
    let places = (0..9).map(|i| (16.0 + (i % 3) as f32 * 5.0, 12.0 + (i / 3) as f32 * 6.0));
    let row = (-5..5).map(|i| (i as f32 * 9.0 + 4.0, -9.6));
    let crowns = places
        .chain(row)
        .map(|(x, y)| {
            solids.push(solid(x, y, 0.4, 0.4, 2.5, 50.0));
            Crown { center: [x, y, ground + 4.0], radius: 1.9 }
        })
        .collect();
    (solids, crowns)
}

/// How far a ray comes before it meets a leaf, if it does: somewhere along its way through the crown.
fn meet_leaves(crown: &Crown, direction: [f32; 3], noise: &mut Noise) -> Option<f32> {
    let dot = |a: [f32; 3], b: [f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let nearest = dot(crown.center, direction);
    let half_chord = crown.radius.powi(2) - (dot(crown.center, crown.center) - nearest.powi(2));
    if nearest < 0.0 || half_chord < 0.0 {
        return None;
    }
    // One ray in four finds no leaf in its way.
    (noise.next() < 0.5).then(|| nearest + half_chord.sqrt() * noise.next())
}

/// The nearest thing a ray from the scanner meets: its range in metres, and its intensity.
fn cast(solids: &[Solid], direction: [f32; 3]) -> Option<(f32, f32)> {
    let ground = (direction[2] < 0.0).then(|| {
        let range = -SCANNER_HEIGHT / direction[2];
        // Lane markings are brighter than asphalt.
        let (x, y) = (range * direction[0], range * direction[1]);
        let marked = (y.abs() - 3.6).abs() < 0.12 || y.abs() < 0.1 && x.rem_euclid(6.0) < 3.0;
        (range, if marked { 180.0 } else { 20.0 })
    });
    solids
        .iter()
        .filter_map(|solid| entry(solid, direction).map(|range| (range, solid.intensity)))
        .chain(ground)
        .filter(|(range, _)| *range < MAX_RANGE)
        .min_by(|a, b| a.0.total_cmp(&b.0))
}

/// Where a ray from the origin enters a box (the slab method).
fn entry(solid: &Solid, direction: [f32; 3]) -> Option<f32> {
    let (mut near, mut far) = (0.0f32, f32::INFINITY);
    for (axis, &along) in direction.iter().enumerate() {
        let a = solid.min[axis] / along;
        let b = solid.max[axis] / along;
        near = near.max(a.min(b));
        far = far.min(a.max(b));
    }
    (near <= far && near > 0.0).then_some(near)
}

/// Repeatable noise in [-1, 1]: Marsaglia's xorshift64.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
