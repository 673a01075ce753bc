//! The reductions themselves, on either backend.

use std::time::{Duration, Instant};

use tensorrt_scatter::{
    BadIndex, Error, Reduce, ScatterOptions, Tensor, cpu,
    gpu::{self, DeviceTensor, Gpu, Stream, Workspace},
};

use crate::sweep::Point;

/// A square of pillars on the ground, the scanner in its middle.
pub struct Grid {
    /// Pillars along each side.
    pub side: usize,
    /// Metres along each side of a pillar.
    pub pillar_width: f32,
}

impl Default for Grid {
    /// 51.2 m to each side, a usual range for detectors, in pillars of 0.4 m.
    fn default() -> Self {
        Self { side: 256, pillar_width: 0.4 }
    }
}

impl Grid {
    /// How many pillars there are.
    pub fn pillars(&self) -> usize {
        self.side * self.side
    }

    /// The pillar a point falls into, row-major with y downwards; -1 outside the grid.
    fn pillar(&self, point: &Point) -> i32 {
        let half = self.side as f32 / 2.0;
        let (column, row) = (point.x / self.pillar_width + half, half - point.y / self.pillar_width);
        let inside = |position: f32| position >= 0.0 && position < self.side as f32;
        // A NaN is not inside either.
        if inside(column) && inside(row) { (row as usize * self.side + column as usize) as i32 } else { -1 }
    }
}

/// The result for each pillar, and the time of each reduction.
pub struct Pillars {
    /// Height of the highest point, metres over the scanner; 0 without points.
    pub highest: Vec<f32>,
    /// The number of that point; the number of all points where the pillar has none.
    pub highest_point: Vec<i32>,
    /// Mean intensity of the points; 0 without points.
    pub intensity: Vec<f32>,
    /// Number of points.
    pub count: Vec<f32>,
    /// The time of each reduction.
    pub times: [(&'static str, Duration); 3],
}

impl Pillars {
    /// The highest point of all, in words.
    pub fn describe_highest(&self, points: &[Point]) -> String {
        let points = self.highest_point.iter().filter_map(|&at| points.get(at as usize));
        match points.max_by(|a, b| a.z.total_cmp(&b.z)) {
            Some(point) => format!("{:.2} m over the scanner, at x {:.1} m, y {:.1} m", point.z, point.x, point.y),
            None => "none".to_owned(),
        }
    }
}

/// Where the reductions run.
pub enum Backend {
    Cpu,
    Cuda(Box<Gpu>),
}

impl Backend {
    /// The first GPU.
    pub fn cuda() -> Result<Self, Error> {
        Ok(Self::Cuda(Box::new(Gpu::new(0)?)))
    }

    /// For the table.
    pub fn name(&self) -> String {
        match self {
            Self::Cpu => format!("cpu, {} threads", cpu::threads()),
            Self::Cuda(gpu) => format!("cuda, {}", gpu.name()),
        }
    }
}

/// How often a reduction is repeated for its time; the median counts.
const REPETITIONS: usize = 21;

fn median_time(mut run: impl FnMut() -> Result<(), Error>) -> Result<Duration, Error> {
    let mut times = Vec::with_capacity(REPETITIONS);
    for _ in 0..REPETITIONS {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(times[REPETITIONS / 2])
}

/// Reduces the points of each pillar. Points outside the grid carry the index -1 and are left out.
pub fn reduce(points: &[Point], grid: &Grid, backend: &Backend) -> Result<Pillars, Error> {
    let column = |value: fn(&Point) -> f32| Tensor::new(&[points.len()], points.iter().map(value).collect());
    let (height, intensity, one) = (column(|p| p.z)?, column(|p| p.intensity)?, column(|_| 1.0)?);
    let index = Tensor::new(&[points.len()], points.iter().map(|point| grid.pillar(point)).collect())?;
    let options = |reduce| ScatterOptions::new(reduce).dim_size(grid.pillars()).bad_index(BadIndex::Skip);

    let (max, mean, sum) = (options(Reduce::Max), options(Reduce::Mean), options(Reduce::Sum));
    let mut highest = Tensor::new(&[grid.pillars()], vec![0.0; grid.pillars()])?;
    let mut highest_point = Tensor::new(&[grid.pillars()], vec![0; grid.pillars()])?;
    let (mut mean_out, mut sum_out) = (highest.clone(), highest.clone());
    let times;
    match backend {
        Backend::Cpu => {
            times = [
                median_time(|| {
                    cpu::scatter_into(&height, &index, None, &max, &mut highest, Some(highest_point.view_mut()))
                })?,
                median_time(|| cpu::scatter_into(&intensity, &index, None, &mean, &mut mean_out, None))?,
                median_time(|| cpu::scatter_into(&one, &index, None, &sum, &mut sum_out, None))?,
            ];
        }
        Backend::Cuda(gpu) => {
            let stream = Stream::new(gpu)?;
            let mut workspace = Workspace::new(gpu)?;
            let on_device = |tensor: &Tensor<f32>| DeviceTensor::from_host(&stream, tensor);
            let (height, intensity, one) = (on_device(&height)?, on_device(&intensity)?, on_device(&one)?);
            let index = DeviceTensor::from_host(&stream, &index)?;
            let (mut device_highest, mut device_mean, mut device_sum) =
                (on_device(&highest)?, on_device(&mean_out)?, on_device(&sum_out)?);
            let mut device_point = DeviceTensor::from_host(&stream, &highest_point)?;
            let mut timed = |src, options, out: &mut DeviceTensor<f32>, mut arg: Option<&mut DeviceTensor<i32>>| {
                median_time(|| {
                    let arg = arg.as_deref_mut();
                    gpu::scatter_into(&stream, src, &index, None, options, out, arg, &mut workspace)?;
                    stream.synchronize()
                })
            };
            times = [
                timed(&height, &max, &mut device_highest, Some(&mut device_point))?,
                timed(&intensity, &mean, &mut device_mean, None)?,
                timed(&one, &sum, &mut device_sum, None)?,
            ];
            highest = device_highest.to_host(&stream)?;
            highest_point = device_point.to_host(&stream)?;
            mean_out = device_mean.to_host(&stream)?;
            sum_out = device_sum.to_host(&stream)?;
        }
    }
    let [max_time, mean_time, sum_time] = times;
    Ok(Pillars {
        highest: highest.into_data(),
        highest_point: highest_point.into_data(),
        intensity: mean_out.into_data(),
        count: sum_out.into_data(),
        times: [("time of max, with position", max_time), ("time of mean", mean_time), ("time of sum", sum_time)],
    })
}
