//! Bird's-eye-view pooling, for the plugins of other projects that do it: depth, feat, ranks_depth, ranks_feat,
//! ranks_bev, interval_starts, interval_lengths -> out.

use tensorrt_scatter::{
    BevPoolPlan, BevPoolSizes, Error, Shape,
    gpu::raw::{BevPoolPointers, Kernels, bev_pool_raw, preload_bev_pool},
};

use super::{
    Made, Operator, Shapes, Signature,
    attribute::{self, OUT_HEIGHT, OUT_WIDTH},
    declaration::{Declaration, Input, Role, ValueTypes, required},
    shape,
    signature::Choice,
};
use crate::{
    abi::DimSource,
    attributes::{Attribute, Attributes},
    backend::{Buffers, ElementTypes, Plan},
    message::Refusal,
    tensorrt::Generation,
};

const DEPTH: usize = 0;
const FEAT: usize = 1;
const RANKS_DEPTH: usize = 2;
const RANKS_FEAT: usize = 3;
const RANKS_BEV: usize = 4;
const STARTS: usize = 5;
const LENGTHS: usize = 6;

pub(super) const INPUTS: &[Input] = &[
    required("depth", Role::Values(ValueTypes::Floats)),
    required("feat", Role::Values(ValueTypes::Floats)),
    required("ranks_depth", Role::Index),
    required("ranks_feat", Role::Index),
    required("ranks_bev", Role::Index),
    required("interval_starts", Role::Index),
    required("interval_lengths", Role::Index),
];

pub(super) const ATTRIBUTES: &[Attribute] = &[OUT_HEIGHT, OUT_WIDTH];

pub(super) fn make(declaration: &'static Declaration, attributes: &Attributes, _generation: Generation) -> Made {
    let size = |attribute: &Attribute| {
        attribute::size(attributes, attribute)?.ok_or_else(|| {
            let name = attribute.name.to_string_lossy();
            Refusal::new(format!("attribute {name} is missing; give the size of the grid"))
        })
    };
    let grid = [size(&OUT_HEIGHT)?, size(&OUT_WIDTH)?];
    Ok(Box::new(BevPool { signature: Signature::new(declaration, Choice::default()), grid }))
}

struct BevPool {
    signature: Signature,
    /// The height and the width of the grid.
    grid: [i32; 2],
}

impl BevPool {
    /// The plan, and the shape of the result.
    fn planned(&self, inputs: &[Shape]) -> Result<Planned, Refusal> {
        let sizes: Vec<Vec<i64>> =
            inputs.iter().map(|shape| shape.dims().iter().map(|&size| size as i64).collect()).collect();
        self.check_ranks(&sizes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let (along, points) = (|input: usize| inputs[input].dims()[0], inputs[RANKS_DEPTH].dims()[0]);
        for (input, expected) in [(RANKS_FEAT, RANKS_DEPTH), (RANKS_BEV, RANKS_DEPTH), (LENGTHS, STARTS)] {
            if along(input) != along(expected) {
                let [given, other] = [input, expected].map(|input| self.signature.inputs()[input].name);
                return Err(Refusal::new(format!(
                    "{given} has {} elements; expected as many as {other}, {}",
                    along(input),
                    along(expected)
                )));
            }
        }
        // The attributes were checked: they are 0 or more.
        let [height, width] = self.grid.map(|size| size as usize);
        let columns = inputs[FEAT].dims().last().copied().unwrap_or(0);
        let out = Shape::new(&[1, height, width, columns])?;
        shape::check_countable([inputs[DEPTH], inputs[FEAT], out])?;
        let rows = inputs[FEAT].dims()[..inputs[FEAT].rank() - 1].iter().product();
        let plan = BevPoolPlan::new(&BevPoolSizes {
            depths: inputs[DEPTH].element_count(),
            rows,
            columns,
            points,
            intervals: along(STARTS),
            cells: height * width,
        })?;
        Ok(Planned { plan, out })
    }

    fn check_ranks(&self, inputs: &[&[i64]]) -> Result<(), Refusal> {
        for (input, port) in self.signature.inputs().iter().enumerate() {
            let rank = inputs[input].len();
            let expected = match input {
                DEPTH if rank == 0 => "1 or more",
                FEAT if rank < 2 => "2 or more",
                DEPTH | FEAT => continue,
                _ if rank != 1 => "1",
                _ => continue,
            };
            return Err(Refusal::new(format!("{} has rank {rank}; expected {expected}", port.name)));
        }
        Ok(())
    }
}

impl Operator for BevPool {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, _output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        self.check_ranks(inputs)?;
        let [height, width] = self.grid.map(shape::constant);
        Ok(vec![shape::constant(1), height, width, shape::copied(FEAT, inputs[FEAT].len() - 1)])
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        Ok(Some(Box::new(self.planned(&shapes.inputs)?)))
    }

    fn workspace_bytes(&self, shapes: &Shapes, types: &ElementTypes) -> Result<usize, Refusal> {
        // The largest sizes of a profile may not fit each other: those of the points decide.
        let mut inputs = shapes.inputs.clone();
        let most = inputs[RANKS_DEPTH..=RANKS_BEV].iter().max_by_key(|shape| shape.element_count()).copied();
        inputs[RANKS_DEPTH..=RANKS_BEV].fill(most.unwrap_or(shapes.inputs[RANKS_DEPTH]));
        inputs[LENGTHS] = inputs[STARTS];
        Ok(self.planned(&inputs)?.workspace_bytes(types))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        Ok(preload_bev_pool(kernels, types.values(DEPTH), types.index(RANKS_DEPTH))?)
    }
}

/// Work on a grid of known size.
struct Planned {
    plan: BevPoolPlan,
    out: Shape,
}

impl Plan for Planned {
    fn out_shape(&self, _output: usize) -> &Shape {
        &self.out
    }

    fn workspace_bytes(&self, types: &ElementTypes) -> usize {
        self.plan.workspace_bytes(types.values(DEPTH), types.index(RANKS_DEPTH))
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let pointers = BevPoolPointers {
            scalar: buffers.types.values(DEPTH),
            index_type: buffers.types.index(RANKS_DEPTH),
            depth: buffers.input(DEPTH),
            feat: buffers.input(FEAT),
            ranks_depth: buffers.input(RANKS_DEPTH),
            ranks_feat: buffers.input(RANKS_FEAT),
            ranks_bev: buffers.input(RANKS_BEV),
            interval_starts: buffers.input(STARTS),
            interval_lengths: buffers.input(LENGTHS),
            out: buffers.outputs[0],
            workspace: buffers.workspace,
            workspace_bytes: self.workspace_bytes(buffers.types),
        };
        // SAFETY: the caller's promise.
        unsafe { bev_pool_raw(kernels, &self.plan, &pointers, buffers.stream) }
    }
}
