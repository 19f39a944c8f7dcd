"""How busy the machine is, beside the runs."""

import streamlit as st

from core.evaluation.proportions import say_share
from core.services.desk import Desk
from core.services.runs.host_usage import read_machine
from core.ui.words import size


def machine_row(desk: Desk) -> None:
    """Show processor, memory and disk, and each GPU where there is one."""
    now = read_machine(desk)
    with st.container(horizontal=True):
        st.metric("Processor", say_share(now.processor, 0), border=True, help=f"Of {now.num_cores} cores.")
        st.metric(
            "Memory in use",
            say_share(now.memory_used / now.memory_total, 0),
            border=True,
            help=f"{size(now.memory_used)} of {size(now.memory_total)}.",
        )
        st.metric("Disk free", size(now.disk_free), border=True, help="Where checkpoints are kept.")
        for gpu in now.gpus:
            told = say_share(gpu.utilisation, 0) if gpu.utilisation is not None else "–"
            memory = "unknown"
            if gpu.memory_used is not None and gpu.memory_total:
                memory = f"{size(gpu.memory_used)} of {size(gpu.memory_total)}"
            heat = f"{gpu.temperature} °C" if gpu.temperature is not None else "unknown"
            st.metric(
                f"GPU {gpu.index}",
                told,
                delta=f"{memory} · {heat}",
                delta_color="off",
                delta_arrow="off",
                border=True,
                help=gpu.name,
            )
