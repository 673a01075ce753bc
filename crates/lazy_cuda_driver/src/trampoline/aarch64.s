// x16 carries the slot's address: the procedure call standard leaves x16 and x17 to code that
// stands between a caller and its callee. Jumping through x17 also satisfies branch target
// identification in a driver built with it.

.macro lazy_cuda_driver_function name
    .pushsection .rodata.lazy_cuda_driver, "a", @progbits
.Llazy_cuda_driver_name_\name:
    .asciz "\name"
    .popsection

    .pushsection .data.lazy_cuda_driver, "aw", @progbits
    .balign 8
.Llazy_cuda_driver_slot_\name:
    .xword .Llazy_cuda_driver_bind_and_jump
    .xword .Llazy_cuda_driver_name_\name
    .popsection

    .pushsection .text.lazy_cuda_driver, "ax", @progbits
    .globl \name
    .hidden \name
    .type \name, @function
    .balign 16
\name:
    .cfi_startproc
    adrp x16, .Llazy_cuda_driver_slot_\name
    add x16, x16, :lo12:.Llazy_cuda_driver_slot_\name
    // Acquiring: the slot was written after the library was loaded.
    ldar x17, [x16]
    br x17
    .cfi_endproc
    .size \name, . - \name
    .popsection
.endm

    .pushsection .text.lazy_cuda_driver, "ax", @progbits
    .balign 16
.Llazy_cuda_driver_bind_and_jump:
    .cfi_startproc
    // The frame record, eight integer registers and x8 (the address of a returned structure),
    // 8 bytes to align, then eight vector registers.
    stp x29, x30, [sp, #-224]!
    .cfi_def_cfa_offset 224
    .cfi_offset x29, -224
    .cfi_offset x30, -216
    mov x29, sp
    stp x0, x1, [sp, #16]
    stp x2, x3, [sp, #32]
    stp x4, x5, [sp, #48]
    stp x6, x7, [sp, #64]
    str x8, [sp, #80]
    stp q0, q1, [sp, #96]
    stp q2, q3, [sp, #128]
    stp q4, q5, [sp, #160]
    stp q6, q7, [sp, #192]
    mov x0, x16
    bl {bind}
    mov x17, x0
    ldp q6, q7, [sp, #192]
    ldp q4, q5, [sp, #160]
    ldp q2, q3, [sp, #128]
    ldp q0, q1, [sp, #96]
    ldr x8, [sp, #80]
    ldp x6, x7, [sp, #64]
    ldp x4, x5, [sp, #48]
    ldp x2, x3, [sp, #32]
    ldp x0, x1, [sp, #16]
    ldp x29, x30, [sp], #224
    .cfi_def_cfa_offset 0
    .cfi_restore x29
    .cfi_restore x30
    br x17
    .cfi_endproc
    .popsection
