//! Running requests that are written as futures, without allocating for those that do not wait.
//!
//! All requests are futures of one type. A future is built in a box that an earlier one has left,
//! polled once, and only if it has to wait does it become a task of the reactor's executor.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

/// Boxes kept for the next request.
const SPARES: usize = 64;

/// How a started request stands.
pub(crate) enum Started<T> {
    /// It is done.
    Done(T),
    /// It waits.
    Waiting(Pin<Box<dyn Future<Output = T>>>),
}

/// Starts requests; hides the type of their future.
pub(crate) trait Start<A, T> {
    /// Runs a request as far as it goes.
    fn start(&self, argument: A) -> Started<T>;
}

type Place<F> = Pin<Box<Option<F>>>;

/// Starts the futures that `make` makes.
pub(crate) struct Tasks<F, M> {
    make: M,
    spares: Rc<RefCell<Vec<Place<F>>>>,
}

impl<F, M> Tasks<F, M> {
    pub(crate) fn new(make: M) -> Self {
        Self { make, spares: Rc::default() }
    }
}

impl<A, F, M> Start<A, F::Output> for Tasks<F, M>
where
    F: Future + 'static,
    M: Fn(A) -> F,
{
    #[inline]
    fn start(&self, argument: A) -> Started<F::Output> {
        let spare = self.spares.borrow_mut().pop();
        let mut running = Running {
            place: Some(spare.unwrap_or_else(|| Box::pin(None))),
            spares: Rc::clone(&self.spares),
        };
        if let Some(place) = &mut running.place {
            place.set(Some((self.make)(argument)));
        }
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(&mut running).poll(&mut context) {
            Poll::Ready(output) => Started::Done(output),
            Poll::Pending => Started::Waiting(Box::pin(running)),
        }
    }
}

/// A future in its box, which goes back when the future has ended or is dropped.
struct Running<F> {
    place: Option<Place<F>>,
    spares: Rc<RefCell<Vec<Place<F>>>>,
}

impl<F: Future> Future for Running<F> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.place.as_mut().and_then(|f| f.as_mut().as_pin_mut());
        future.map_or(Poll::Pending, |future| future.poll(context))
    }
}

impl<F> Drop for Running<F> {
    fn drop(&mut self) {
        if let Some(mut place) = self.place.take() {
            place.set(None);
            let mut spares = self.spares.borrow_mut();
            if spares.len() < SPARES {
                spares.push(place);
            }
        }
    }
}

/// Lets other requests have their turn.
pub(crate) async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if core::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::future::{pending, ready};

    #[test]
    fn boxes_are_used_again_whatever_became_of_the_future() {
        let tasks = Tasks::new(|wait: bool| async move {
            if wait {
                pending::<()>().await;
            }
            ready(7).await
        });
        for _ in 0..3 {
            assert!(matches!(tasks.start(false), Started::Done(7)));
            assert_eq!(tasks.spares.borrow().len(), 1);
        }
        let Started::Waiting(task) = tasks.start(true) else { panic!("it must wait") };
        assert_eq!(tasks.spares.borrow().len(), 0);
        drop(task);
        assert_eq!(tasks.spares.borrow().len(), 1);
    }
}
