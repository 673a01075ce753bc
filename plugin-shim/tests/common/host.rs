//! The objects of TensorRT that a plugin library calls: registry, logger and logger finder, in each of their layouts.

use std::{
    ffi::{CStr, c_char, c_void},
    sync::Mutex,
};

use super::{Object, plugin_library, record};

/// A C++ object that has only a table of virtual functions.
#[repr(C)]
pub struct Virtual<const SLOTS: usize> {
    table: &'static [Function; SLOTS],
}

#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Function(pub *const c_void);

// SAFETY: code addresses.
unsafe impl Sync for Function {}
// SAFETY: code addresses.
unsafe impl Send for Function {}

impl<const SLOTS: usize> Virtual<SLOTS> {
    pub const fn new(table: &'static [Function; SLOTS]) -> Self {
        Self { table }
    }

    pub const fn object(&'static self) -> Object {
        std::ptr::from_ref(self).cast_mut().cast()
    }
}

/// The function in the slots that a plugin library must not call.
pub extern "C" fn unexpected() {
    panic!("the plugin library called a function it has no business with");
}

pub const UNEXPECTED: Function = Function(unexpected as *const c_void);

extern "C" fn log(_this: Object, severity: i32, message: *const c_char) {
    record(severity, message);
}
const LOG: Function = Function(log as *const c_void);

/// `ILogger` up to 10.x.
pub static LOGGER_V2: Virtual<3> = Virtual::new(&[LOG, UNEXPECTED, UNEXPECTED]);
/// `ILogger` of 11.x.
pub static LOGGER_V11: Virtual<5> = Virtual::new(&[UNEXPECTED, UNEXPECTED, UNEXPECTED, UNEXPECTED, LOG]);

extern "C" fn find_logger_v2(_this: Object) -> Object {
    LOGGER_V2.object()
}
extern "C" fn find_logger_v11(_this: Object) -> Object {
    LOGGER_V11.object()
}

/// `ILoggerFinder` up to 10.x.
pub static FINDER_V2: Virtual<3> = Virtual::new(&[Function(find_logger_v2 as *const c_void), UNEXPECTED, UNEXPECTED]);
/// `ILoggerFinder` of 11.x.
pub static FINDER_V11: Virtual<5> =
    Virtual::new(&[UNEXPECTED, UNEXPECTED, UNEXPECTED, UNEXPECTED, Function(find_logger_v11 as *const c_void)]);

/// The calls of the registry, with the creators' addresses.
pub static EVENTS: Mutex<Vec<Event>> = Mutex::new(Vec::new());

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    Registered(usize),
    Deregistered(usize),
}

/// Checks that the library's constructor registers every creator; that the function which `loadLibrary` calls removes
/// them once, because `loadLibrary` registers them itself; and that there are no creators of the other generation.
pub fn the_constructor_registers_and_load_library_takes_over(function: &CStr, of_other_generation: &CStr) {
    let library = plugin_library();
    assert_eq!(library.creators(of_other_generation), [] as [Object; 0]);
    let creators = library.creators(function);
    assert_eq!(library.creators(function), creators);
    let addresses = || creators.iter().map(|&creator| creator as usize);
    let expected: Vec<_> = addresses().map(Event::Registered).chain(addresses().map(Event::Deregistered)).collect();
    assert_eq!(*EVENTS.lock().unwrap(), expected);
}

extern "C" fn register(_this: Object, creator: Object, namespace: *const c_char) -> bool {
    assert_eq!(super::text(namespace), "");
    EVENTS.lock().unwrap().push(Event::Registered(creator as usize));
    true
}
const REGISTER: Function = Function(register as *const c_void);

extern "C" fn deregister(_this: Object, creator: Object) -> bool {
    EVENTS.lock().unwrap().push(Event::Deregistered(creator as usize));
    true
}
const DEREGISTER: Function = Function(deregister as *const c_void);

const fn table<const SLOTS: usize>(register: usize, deregister: usize) -> [Function; SLOTS] {
    let mut table = [UNEXPECTED; SLOTS];
    table[register] = REGISTER;
    table[deregister] = DEREGISTER;
    table
}

/// `IPluginRegistry` of 8.6.0.
pub static REGISTRY_V8_6_0: Virtual<12> = Virtual::new(&const { table(0, 11) });
/// `IPluginRegistry` of 8.6.1 to 9; 8.5 has the first ten.
pub static REGISTRY_V8_6_1: Virtual<12> = Virtual::new(&const { table(0, 7) });
/// `IPluginRegistry` of 11.x.
pub static REGISTRY_V11: Virtual<15> = Virtual::new(&const { table(8, 11) });
