//! What the operators that have reductions have in common: a plan that reduces [B, E, K] to [B, N, K].

use crate::{Error, Index, Reduce, Shape, shape::check_output};

/// A plan of an operator that has reductions, as far as these plans are alike.
pub(crate) trait Reduction {
    /// The reduction.
    fn reduce(&self) -> Reduce;

    /// The shape of the result, and of `arg_out`.
    fn out_shape(&self) -> &Shape;

    /// E: the length of the reduced axis of `src`.
    fn reduced_length(&self) -> usize;

    /// Refuses output buffers of another shape than the result's, and an `arg_out` that the reduction does not have.
    ///
    /// # Errors
    /// [`Error::OutputShape`], [`Error::NoArgOut`].
    fn check_outputs(&self, out: &Shape, arg_out: Option<&Shape>) -> Result<(), Error> {
        check_output("out", out, self.out_shape())?;
        let Some(arg_out) = arg_out else { return Ok(()) };
        self.check_has_arg()?;
        check_output("arg_out", arg_out, self.out_shape())
    }

    /// Refuses an `arg_out` that the reduction does not have.
    ///
    /// # Errors
    /// [`Error::NoArgOut`].
    fn check_has_arg(&self) -> Result<(), Error> {
        if self.reduce().has_arg() { Ok(()) } else { Err(Error::NoArgOut { reduce: self.reduce() }) }
    }

    /// What `arg_out` holds where no element was selected: E. None for a reduction without `arg_out`.
    ///
    /// # Errors
    /// [`Error::ArgOutTooNarrow`] where E does not fit the type; then no position is sure to fit either.
    fn no_position<I: Index>(&self) -> Result<Option<I>, Error> {
        if !self.reduce().has_arg() {
            return Ok(None);
        }
        let length = self.reduced_length();
        I::from_position(length).map(Some).ok_or(Error::ArgOutTooNarrow { length })
    }
}
