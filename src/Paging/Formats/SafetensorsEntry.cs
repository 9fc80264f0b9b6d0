namespace Paging.Formats;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ElementType">Its type, as the file says it.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Offset">Where it begins in the file.</param>
/// <param name="Bytes">How long it is.</param>
internal sealed record SafetensorsEntry(string Name, string ElementType, TensorShape Shape, long Offset, long Bytes);
