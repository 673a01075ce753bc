// r11 carries the slot's address: no argument travels in it, and callees may overwrite it.

.macro lazy_cuda_driver_function name
    .pushsection .rodata.lazy_cuda_driver, "a", @progbits
.Llazy_cuda_driver_name_\name:
    .asciz "\name"
    .popsection

    .pushsection .data.lazy_cuda_driver, "aw", @progbits
    .balign 8
.Llazy_cuda_driver_slot_\name:
    .quad .Llazy_cuda_driver_bind_and_jump
    .quad .Llazy_cuda_driver_name_\name
    .popsection

    .pushsection .text.lazy_cuda_driver, "ax", @progbits
    .globl \name
    .hidden \name
    .type \name, @function
    .balign 16
\name:
    .cfi_startproc
    lea r11, [rip + .Llazy_cuda_driver_slot_\name]
    // A plain load is an acquiring one on this architecture.
    jmp qword ptr [r11]
    .cfi_endproc
    .size \name, . - \name
    .popsection
.endm

    .pushsection .text.lazy_cuda_driver, "ax", @progbits
    .balign 16
.Llazy_cuda_driver_bind_and_jump:
    .cfi_startproc
    push rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    // Six integer registers and rax (a variadic call's count of vector arguments), 8 bytes to
    // align, then eight vector registers; a multiple of 16, as the stack is now.
    sub rsp, 192
    mov [rsp], rdi
    mov [rsp + 8], rsi
    mov [rsp + 16], rdx
    mov [rsp + 24], rcx
    mov [rsp + 32], r8
    mov [rsp + 40], r9
    mov [rsp + 48], rax
    movaps [rsp + 64], xmm0
    movaps [rsp + 80], xmm1
    movaps [rsp + 96], xmm2
    movaps [rsp + 112], xmm3
    movaps [rsp + 128], xmm4
    movaps [rsp + 144], xmm5
    movaps [rsp + 160], xmm6
    movaps [rsp + 176], xmm7
    mov rdi, r11
    call {bind}
    mov r11, rax
    movaps xmm7, [rsp + 176]
    movaps xmm6, [rsp + 160]
    movaps xmm5, [rsp + 144]
    movaps xmm4, [rsp + 128]
    movaps xmm3, [rsp + 112]
    movaps xmm2, [rsp + 96]
    movaps xmm1, [rsp + 80]
    movaps xmm0, [rsp + 64]
    mov rax, [rsp + 48]
    mov r9, [rsp + 40]
    mov r8, [rsp + 32]
    mov rcx, [rsp + 24]
    mov rdx, [rsp + 16]
    mov rsi, [rsp + 8]
    mov rdi, [rsp]
    leave
    .cfi_def_cfa rsp, 8
    .cfi_restore rbp
    jmp r11
    .cfi_endproc
    .popsection
