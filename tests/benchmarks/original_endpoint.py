"""The original study's endpoint, rebuilt as the baseline: ResNet18 in fp32 on the CPU, one image a request."""

import io

import torch
import torchvision
from fastapi import FastAPI, File, UploadFile
from PIL import Image

app = FastAPI()
network = torchvision.models.resnet18(weights=None)
network.fc = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(512, 2))
network.eval()
transform = torchvision.transforms.Compose(
    [
        torchvision.transforms.Resize((224, 224)),
        torchvision.transforms.ToTensor(),
        torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


@app.get("/readyz")
def ready() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/predict")
async def predict(file: UploadFile = File(...)) -> dict:
    image = Image.open(io.BytesIO(await file.read())).convert("RGB")
    with torch.no_grad():
        probabilities = torch.softmax(network(transform(image).unsqueeze(0)), dim=1)
    prediction = int(probabilities.argmax())
    return {
        "prediction": prediction,
        "probability_pneumonia": round(float(probabilities[0, 1]), 4),
        "label": "Neumonía" if prediction else "Normal",
        "note": "Apoyo al diagnóstico",
    }
