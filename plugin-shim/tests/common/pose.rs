//! A test program that poses as a TensorRT: it exports the functions that a plugin library looks for.

/// Exports `getInferLibVersion`, `getPluginRegistry` and `getLogger`.
#[macro_export]
macro_rules! pose_as_tensorrt {
    ($version:literal, $registry:ident, $logger:ident) => {
        /// `int32_t getInferLibVersion()`.
        #[unsafe(no_mangle)]
        pub extern "C" fn getInferLibVersion() -> i32 {
            $version
        }

        /// `IPluginRegistry* getPluginRegistry()`.
        #[unsafe(no_mangle)]
        pub extern "C" fn getPluginRegistry() -> common::Object {
            common::host::$registry.object()
        }

        /// `ILogger* getLogger()`.
        #[unsafe(no_mangle)]
        pub extern "C" fn getLogger() -> common::Object {
            common::host::$logger.object()
        }
    };
}
