using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Paging.Tests.Formats;

/// <summary>Makes safetensors files.</summary>
internal static class Safetensors
{
    /// <summary>With a header of any text.</summary>
    public static byte[] Of(string header, ReadOnlySpan<byte> data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        var file = new byte[8 + text.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file.AsSpan(8));
        data.CopyTo(file.AsSpan(8 + text.Length));
        return file;
    }

    /// <summary>With tensors one behind the other.</summary>
    public static byte[] File(params (string Name, string Type, long[] Shape, byte[] Data)[] tensors)
    {
        var header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
        var data = new List<byte>();
        foreach ((string name, string type, long[] shape, byte[] bytes) in tensors)
        {
            header.Append(
                CultureInfo.InvariantCulture,
                $",\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{string.Join(',', shape)}]," +
                $"\"data_offsets\":[{data.Count},{data.Count + bytes.Length}]}}");
            data.AddRange(bytes);
        }

        return Of(header.Append('}').ToString(), [.. data]);
    }
}
