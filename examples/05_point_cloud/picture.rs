//! The pillars from above.

use std::{error::Error, fs, path::Path};

use image::{Rgb, RgbImage};

use crate::pillars::{Grid, Pillars};

/// Heights over the scanner, metres, that the two ends of the colour scale stand for: the ground and the
/// eaves of a house.
const LOWEST: f32 = -2.0;
const HIGHEST: f32 = 4.0;
/// The mean intensity that is drawn at full brightness.
const BRIGHT: f32 = 100.0;
/// Metres between the range rings.
const RING_DISTANCE: f32 = 10.0;
const BACKGROUND: [f32; 3] = [12.0, 14.0, 20.0];
const RING: [f32; 3] = [44.0, 50.0, 62.0];
/// From low to high: deep blue, teal, green, yellow, red.
const SCALE: [[f32; 3]; 5] =
    [[58.0, 82.0, 190.0], [38.0, 160.0, 180.0], [90.0, 200.0, 90.0], [245.0, 210.0, 70.0], [235.0, 80.0, 60.0]];
/// Pixels along each side of a pillar: enough to see a pillar in a picture that is shown at half its size.
const PIXELS_PER_PILLAR: u32 = 4;
/// The colour scale's own width and its distance from the picture's edge, pixels.
const LEGEND_WIDTH: u32 = 14;
const LEGEND_MARGIN: u32 = 24;

/// Draws each pillar in the colour of its highest point, as bright as its mean intensity, with range rings
/// every ten metres and the colour scale at the right edge.
pub fn draw(pillars: &Pillars, grid: &Grid, path: &Path) -> Result<(), Box<dyn Error>> {
    let side = grid.side as u32 * PIXELS_PER_PILLAR;
    let picture = RgbImage::from_fn(side, side, |x, y| {
        if let Some(height) = legend(x, y, side) {
            return pixel(color(height));
        }
        let at = (y / PIXELS_PER_PILLAR) as usize * grid.side + (x / PIXELS_PER_PILLAR) as usize;
        if pillars.count[at] == 0.0 {
            return pixel(if on_ring(x, y, side, grid) { RING } else { BACKGROUND });
        }
        let brightness = 0.6 + 0.4 * (pillars.intensity[at] / BRIGHT).clamp(0.0, 1.0);
        pixel(color(pillars.highest[at]).map(|channel| channel * brightness))
    });
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    picture.save(path).map_err(|error| format!("cannot write the picture {}: {error}", path.display()).into())
}

/// The height that a pixel of the colour scale stands for.
fn legend(x: u32, y: u32, side: u32) -> Option<f32> {
    let columns = side - LEGEND_MARGIN - LEGEND_WIDTH..side - LEGEND_MARGIN;
    let rows = side * 3 / 4..side - LEGEND_MARGIN;
    (columns.contains(&x) && rows.contains(&y)).then(|| {
        let down = (y - rows.start) as f32 / (rows.end - rows.start) as f32;
        HIGHEST + (LOWEST - HIGHEST) * down
    })
}

fn on_ring(x: u32, y: u32, side: u32, grid: &Grid) -> bool {
    let metres = |pixel: u32| (pixel as f32 - side as f32 / 2.0) * grid.pillar_width / PIXELS_PER_PILLAR as f32;
    let range = metres(x).hypot(metres(y));
    let from_ring = range - (range / RING_DISTANCE).round() * RING_DISTANCE;
    from_ring.abs() < grid.pillar_width / PIXELS_PER_PILLAR as f32
}

fn color(height: f32) -> [f32; 3] {
    let at = ((height - LOWEST) / (HIGHEST - LOWEST)).clamp(0.0, 1.0) * (SCALE.len() - 1) as f32;
    let below = (at as usize).min(SCALE.len() - 2);
    let part = at - below as f32;
    std::array::from_fn(|channel| SCALE[below][channel] + (SCALE[below + 1][channel] - SCALE[below][channel]) * part)
}

fn pixel(color: [f32; 3]) -> Rgb<u8> {
    Rgb(color.map(|channel| channel as u8))
}
